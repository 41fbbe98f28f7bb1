import type { Prisma, PrismaClient } from '../../prisma/client/client.ts';
import type { Viewer } from '../domain/viewer.ts';
import { mightSeeDeletedTask, visibleTasks } from '../domain/visibility.ts';
import { isTerminal } from '../engine/task.ts';
import type { StreamItem } from '../events/event.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { eventCursor, eventStream, startAfter } from './event-stream.ts';
import { rowId } from './global-id.ts';
import { refusal } from './refusal.ts';
import { type TaskSnapshot, taskSnapshot, withoutProgress } from './task-snapshot.ts';

/** What happened to a task. */
export const taskEventTypes = ['CREATED', 'UPDATED', 'STATE_CHANGED', 'PROGRESS', 'DELETED'] as const;
export type TaskEventType = (typeof taskEventTypes)[number];

export interface TaskEvent {
  cursor: string;
  type: TaskEventType;
  at: Date;
  taskId: string;
  /** The columns as they were at the event; none where the current ones are meant. */
  snapshot: TaskSnapshot;
}

/** The columns that a filter of events looks at. */
export const factColumns = {
  kind: true,
  state: true,
  providerId: true,
  siteId: true,
  organizationId: true,
  replicationId: true,
  virtualMachineId: true,
  resourceId: true,
  initiatedBy: true,
} as const satisfies Prisma.TaskSelect;
export type TaskFacts = Prisma.TaskGetPayload<{ select: typeof factColumns }>;

/**
 * Every event of every task that the viewer may see and `admits` lets through. Both are asked again for each event; `admits` sees
 * the task as it was at that event.
 */
export async function taskEvents(
  context: GraphContext,
  after: string | null | undefined,
  filter: { progress: boolean; admits(event: TaskEvent, facts: TaskFacts): boolean },
): Promise<AsyncGenerator<TaskEvent, void, undefined>> {
  const { prisma } = context.domain;
  const viewer = viewerOf(context);
  const from = after == null ? 'now' : { after: await startAfter(context, after) };
  return eventStream(context.events, { stream: 'task', from, progress: filter.progress }, async (item) => {
    const event = taskEvent(item);
    const facts = await factsAt(prisma, viewer, event);
    return facts && filter.admits(event, { ...facts, ...event.snapshot }) ? event : undefined;
  });
}

/** One task: its current state first (or what was missed since `after`), then what comes, until it has ended. */
export async function taskProgress(
  context: GraphContext,
  globalId: string,
  after: string | null | undefined,
): Promise<AsyncGenerator<TaskEvent, void, undefined>> {
  const { prisma } = context.domain;
  const viewer = viewerOf(context);
  const subjectId = rowId('Task', globalId);
  const task = await visibleFacts(prisma, viewer, subjectId);
  if (!task) throw refusal('NOT_FOUND', 'No task has this id, or you may not see it.');
  const position = after == null ? undefined : await startAfter(context, after);
  const unread = await prisma.event.findFirst({
    where: {
      stream: 'task',
      subjectId,
      ...(position === undefined ? {} : { OR: [{ position: null }, { position: { gt: position } }] }),
    },
    select: { id: true },
  });
  // Its events are pruned, or all were seen: the row alone tells the rest.
  if (!unread && isTerminal(task.state))
    return position === undefined ? only(await currentState(prisma, subjectId)) : only();
  let isFirst = position === undefined;
  const live = eventStream(
    context.events,
    { stream: 'task', subjectId, from: position === undefined ? 'latest' : { after: position }, progress: true },
    async (item, end) => {
      const event = taskEvent(item);
      if (!(await factsAt(prisma, viewer, event))) return undefined;
      if (item.kind === 'event' && event.snapshot.state !== undefined && isTerminal(event.snapshot.state)) end();
      const first = isFirst;
      isFirst = false;
      return first ? { ...event, snapshot: withoutProgress(event.snapshot) } : event;
    },
  );
  return live;
}

function visibleFacts(prisma: PrismaClient, viewer: Viewer, id: string): Promise<TaskFacts | null> {
  return prisma.task.findFirst({ where: { AND: [visibleTasks(viewer), { id }] }, select: factColumns });
}

/** What a filter looks at: of the row, or of what a deleted one was. A deleted task has no other event than that. */
async function factsAt(prisma: PrismaClient, viewer: Viewer, event: TaskEvent): Promise<TaskFacts | null> {
  if (event.type !== 'DELETED') return visibleFacts(prisma, viewer, event.taskId);
  const { snapshot } = event;
  const facts = {
    kind: snapshot.kind ?? '',
    state: snapshot.state ?? '',
    providerId: snapshot.providerId ?? null,
    siteId: snapshot.siteId ?? null,
    organizationId: snapshot.organizationId ?? null,
    replicationId: snapshot.replicationId ?? null,
    virtualMachineId: snapshot.virtualMachineId ?? null,
    resourceId: snapshot.resourceId ?? null,
    initiatedBy: snapshot.initiatedBy ?? null,
  };
  return mightSeeDeletedTask(viewer, facts) ? facts : null;
}

async function currentState(prisma: PrismaClient, id: string): Promise<TaskEvent> {
  const task = await prisma.task.findUniqueOrThrow({ where: { id }, select: { updatedAt: true, finishedAt: true } });
  const { lastPosition } = await prisma.eventLog.findFirstOrThrow();
  return {
    cursor: eventCursor(lastPosition),
    type: 'STATE_CHANGED',
    at: task.finishedAt ?? task.updatedAt,
    taskId: id,
    snapshot: {},
  };
}

async function* only(...events: TaskEvent[]): AsyncGenerator<TaskEvent, void, undefined> {
  yield* events;
}

function taskEvent(item: StreamItem): TaskEvent {
  const about = { cursor: eventCursor(item.position), at: item.at, taskId: item.subjectId };
  if (item.kind === 'progress') return { ...about, type: 'PROGRESS', snapshot: {} };
  return {
    ...about,
    type: taskEventTypes.find((type) => type === item.type) ?? 'STATE_CHANGED',
    snapshot: taskSnapshot.parse(item.payload),
  };
}
