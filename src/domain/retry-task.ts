import { z } from 'zod';
import type { Domain } from './context.ts';
import { NotFoundError, UnsupportedError } from './error.ts';
import { cleanUpTestFailover, failoverReplication, testFailover } from './failover.ts';
import { isId } from './id.ts';
import { syncInventory } from './inventory.ts';
import { requireOperator } from './permission.ts';
import { stopReplication, syncReplication } from './replication.ts';
import type { TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';
import { visibleTasks } from './visibility.ts';
import { known, type TaskKind, taskKinds } from './vocabulary.ts';

const onReplication = z.object({ replicationId: z.string() });
const onInventory = z.object({ providerId: z.string(), siteId: z.string().nullish() });
const recovery = z.object({
  request: z.object({
    replicationId: z.string(),
    instanceId: z.string().optional(),
    powerOn: z.boolean().optional(),
    vmName: z.string().optional(),
  }),
});

/** Asks for a task's work again as its caller did, with all the checks of that action. `input`: what the task was given. */
type Resubmit = (d: Domain, v: Viewer, input: unknown, options: TaskOptions) => Promise<{ taskId: string | null }>;

const resubmissions: Partial<Record<TaskKind, Resubmit>> = {
  SYNC_REPLICATION: (d, v, input, options) => syncReplication(d, v, { ...options, ...onReplication.parse(input) }),
  STOP_REPLICATION: (d, v, input, options) => stopReplication(d, v, { ...options, ...onReplication.parse(input) }),
  CLEAN_UP_TEST_FAILOVER: (d, v, input, options) =>
    cleanUpTestFailover(d, v, { ...options, ...onReplication.parse(input) }),
  TEST_FAILOVER: (d, v, input, options) => testFailover(d, v, { ...options, ...recovery.parse(input).request }),
  FAILOVER_REPLICATION: (d, v, input, options) =>
    failoverReplication(d, v, { ...options, ...recovery.parse(input).request }),
  SYNC_INVENTORY: (d, v, input, options) => syncInventory(d, v, { ...options, ...onInventory.parse(input) }),
};

/**
 * Does the work of a task that failed or was cancelled again, as a new task linked with it, for whoever asks now. Throws UnsupportedError
 * where repeating is not safe, and whatever the action itself would be refused with.
 */
export async function retryTask(
  domain: Domain,
  viewer: Viewer,
  input: Omit<TaskOptions, 'retryOf'> & { id: string },
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'retry tasks');
  const { id, ...options } = input;
  const task = isId(id) ? await domain.prisma.task.findFirst({ where: { AND: [visibleTasks(viewer), { id }] } }) : null;
  if (!task) throw new NotFoundError('No task has this id, or you may not see it.');
  const kind = known(taskKinds, task.kind);
  const repeat = domain.tasks.repeat(task.kind);
  const resubmit = resubmissions[kind];
  if (repeat !== 'SAFE' || !resubmit) {
    const why = repeat === 'SAFE' ? 'Nobody here can ask for this work.' : repeat.unsafe;
    throw new UnsupportedError(`A task of kind ${task.kind} cannot be retried. ${why}`);
  }
  return resubmit(domain, viewer, task.input, { ...options, priority: options.priority ?? task.priority, retryOf: id });
}
