import { liveSessions } from '../domain/session.ts';
import { visibleTasks } from '../domain/visibility.ts';
import { isTerminal } from '../engine/task.ts';
import { builder } from './builder.ts';
import { type GraphContext, viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { refusal, unauthenticated } from './refusal.ts';
import { Task } from './task.ts';
import { taskSnapshot } from './task-snapshot.ts';

const longestWaitSeconds = 300;

builder.queryField('waitForTask', (t) =>
  t.field({
    type: Task,
    nullable: true,
    description:
      'One task, answered when it has ended or the time is over, whichever is first: look at its `state`. For scripts; people watch `taskProgress`. Null when there is none with this id.',
    args: {
      id: t.arg.id({ required: true, description: 'As `Task.id` gave it.' }),
      timeoutSeconds: t.arg.int({
        defaultValue: 30,
        description: 'How long to wait at most, 0 to 300 seconds. Ask again to wait longer: nothing is missed.',
      }),
    },
    resolve: async (_root, { id, timeoutSeconds }, context, info) => {
      const seconds = timeoutSeconds ?? 30;
      if (seconds < 0 || seconds > longestWaitSeconds) {
        throw refusal('INVALID_INPUT', `timeoutSeconds: must be 0 to ${longestWaitSeconds}, was ${seconds}.`);
      }
      const taskId = rowId('Task', id);
      if (seconds > 0) await untilEnded(context, taskId, seconds * 1000);
      // Nobody reads the answer, and the service may be stopping.
      if (context.signal.aborted) return null;
      return loadEntity(context, info, 'Task', taskId);
    },
  }),
);

/** Resolves when the task has ended, when there is none to see, when the time is over, or when the client has gone. */
async function untilEnded(context: GraphContext, id: string, ms: number): Promise<void> {
  const { domain, events, signal } = context;
  const seer = viewerOf(context);
  const over = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  // Subscribed before it is looked at: an end between the two is in neither otherwise.
  await using items = events.subscribe({ stream: 'task', subjectId: id, from: 'now', progress: false, signal: over });
  const task = await domain.prisma.task.findFirst({
    where: { AND: [visibleTasks(seer), { id }] },
    select: { state: true },
  });
  if (!task || isTerminal(task.state)) return;
  for await (const item of items) {
    if (item.kind === 'event' && isTerminal(taskSnapshot.parse(item.payload).state ?? '')) break;
  }
  if (signal.aborted) return;
  // Minutes may have passed since the request was let in.
  if ((await liveSessions(domain, [seer.sessionId])).size === 0) throw unauthenticated();
}
