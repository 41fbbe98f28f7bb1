import type { Prisma } from '../../prisma/client/client.ts';
import type { Domain } from './context.ts';
import { ConflictError, InvalidInputError } from './error.ts';
import { isId } from './id.ts';
import type { Viewer } from './viewer.ts';
import { visibleTasks } from './visibility.ts';

/** The most tasks that one request steers: each is written by itself, and a request is not to take long. */
export const mostTasks = 1_000;

/** Which tasks to steer: these, or all that match a condition. */
export interface TaskSelection {
  ids?: readonly string[] | null;
  where?: Prisma.TaskWhereInput | null;
  /** How many match `where`, as the caller knows it: with another number nothing is done. */
  confirmCount?: number | null;
}

/** An id that was asked for, and the task that it is; `exists` is false when there is none that the viewer may see. */
export interface SelectedTask {
  taskId: string;
  exists: boolean;
}

/** The tasks of a selection: in the order of its ids, or the oldest first. Throws InvalidInputError and ConflictError. */
export async function selectTasks(domain: Domain, viewer: Viewer, selection: TaskSelection): Promise<SelectedTask[]> {
  const { ids, where, confirmCount } = selection;
  if (ids && where) throw refuse('filter', 'Give ids or a filter, not both.');
  if (ids) {
    if (confirmCount != null) throw refuse('confirmCount', 'Leave it out with ids; it belongs to a filter.');
    return selectByIds(domain, viewer, ids);
  }
  if (!where) throw refuse('ids', 'Name the tasks by their ids, or by a filter together with confirmCount.');
  return selectWhere(domain, viewer, where, confirmCount ?? undefined);
}

async function selectByIds(domain: Domain, viewer: Viewer, ids: readonly string[]): Promise<SelectedTask[]> {
  if (ids.length === 0 || ids.length > mostTasks) {
    throw refuse('ids', `Name 1 to ${mostTasks} tasks; these are ${ids.length}.`);
  }
  const seen = await domain.prisma.task.findMany({
    where: { AND: [visibleTasks(viewer), { id: { in: ids.filter(isId) } }] },
    select: { id: true },
  });
  const known = new Set(seen.map(({ id }) => id));
  return ids.map((taskId) => ({ taskId, exists: known.has(taskId) }));
}

async function selectWhere(
  domain: Domain,
  viewer: Viewer,
  where: Prisma.TaskWhereInput,
  confirmCount: number | undefined,
): Promise<SelectedTask[]> {
  const all = { AND: [visibleTasks(viewer), where] };
  const found = await domain.prisma.task.findMany({
    where: all,
    select: { id: true },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    take: mostTasks + 1,
  });
  const count = found.length > mostTasks ? await domain.prisma.task.count({ where: all }) : found.length;
  const matches = `The filter matches ${count} ${count === 1 ? 'task' : 'tasks'}`;
  if (confirmCount === undefined) {
    throw refuse('confirmCount', `${matches}. Look at them with the query tasks, then confirm their number here.`);
  }
  if (count !== confirmCount) {
    throw new ConflictError(
      `${matches}, and confirmCount is ${confirmCount}: nothing was done. Look at them with the query tasks, then confirm ${count}.`,
    );
  }
  if (count > mostTasks) {
    throw refuse(
      'filter',
      `${matches}; at most ${mostTasks} are steered at once. Narrow it, such as by createdBefore.`,
    );
  }
  return found.map(({ id }) => ({ taskId: id, exists: true }));
}

const refuse = (field: string, message: string) => new InvalidInputError([{ path: [field], message }]);
