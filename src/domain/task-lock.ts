import type { Tx } from './context.ts';
import { NotFoundError } from './error.ts';
import { isId } from './id.ts';
import type { Viewer } from './viewer.ts';
import { visibleTasks } from './visibility.ts';

/** The task as it is, and stays until the transaction ends. Throws NotFoundError. */
export async function lockTask(tx: Tx, viewer: Viewer, id: string) {
  if (!isId(id)) throw absent();
  await tx.$queryRaw`SELECT 1 FROM "Task" WHERE "id" = ${id}::uuid FOR NO KEY UPDATE`;
  const task = await tx.task.findFirst({ where: { AND: [visibleTasks(viewer), { id }] } });
  if (!task) throw absent();
  return task;
}

const absent = () => new NotFoundError('No task has this id, or you may not see it.');
