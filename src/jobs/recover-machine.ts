import { z } from 'zod';
import type { Connector, MachineReport, ReplicationAddress } from '../connectors/connector.ts';
import { recordMadeMachine } from '../domain/apply-inventory.ts';
import type { Tx } from '../domain/context.ts';
import { connectorOf, type LoadedReplication, replicationAddress } from '../domain/replication-address.ts';
import { settleReplication } from '../domain/settle-replication.ts';
import { requestOfTask } from '../domain/task.ts';
import type { TaskResult } from '../domain/task-result.ts';
import { TaskCancelled } from '../engine/abort.ts';
import { type EndedTask, type JobContext, JobFailure, type JobOutcome } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { atProvider } from './failure.ts';
import { trackWork } from './progress.ts';
import { loadReplication, settleUnfinished, withoutOf } from './replication-work.ts';

/** What a failover and a test failover are given. */
export const recoveryInput = z.object({
  ...requestOfTask,
  replicationId: z.uuid(),
  /** Null: the newest one when the task starts. */
  instanceId: z.uuid().nullable(),
  machineName: z.string(),
  powerOn: z.boolean(),
});
export type RecoveryInput = z.infer<typeof recoveryInput>;

/** The recovery point is chosen once: a run that is taken over makes the same machine. */
export const recoveryCheckpoint = z.object({ instanceId: z.uuid(), instanceKey: z.string() });
type RecoveryContext = JobContext<z.infer<typeof recoveryCheckpoint>, Tx>;

/** Makes a machine of a recovery point: what a failover and a test failover have in common. */
export async function recoverMachine(
  d: JobDependencies,
  context: RecoveryContext,
  input: RecoveryInput,
  isTest: boolean,
): Promise<JobOutcome<TaskResult, Tx>> {
  const replication = await loadReplication(d, input.replicationId);
  const instance = context.checkpoint ?? (await chooseInstance(d, input));
  await context.step(instance, async (tx) => {
    const now = new Date();
    await tx.replication.update({
      where: { id: replication.id },
      data: { recoveryState: 'IN_PROGRESS', destinationState: 'RECOVERING', destinationStateAt: now },
    });
  });
  const machine = await makeMachine(d, context, replication, input, instance.instanceKey, isTest);
  let virtualMachineId = '';
  await context.step(instance, async (tx) => {
    virtualMachineId = await recordMadeMachine(tx, {
      providerId: replication.providerId,
      siteId: replication.destinationSiteId,
      machine,
      made: { recoveredFromId: replication.id, recoveredInstance: instance.instanceKey, isTest },
    });
    await settleReplication(tx, replication.id, {
      recoveryState: isTest ? 'TEST' : 'COMPLETE',
      // All of this instance was read and verified: what was said against it, or the store as a whole, is over.
      problems: (known) => {
        const others = withoutOf(known, ['STORE_DAMAGED', 'DESTINATION_UNREACHABLE'], null);
        return withoutOf(others, ['STORE_DAMAGED'], instance.instanceKey);
      },
      lastError: null,
    });
  });
  const result = { replicationId: replication.id, virtualMachineId, ...instance };
  return { outcome: 'done', result: { type: 'FAILOVER', ...result } };
}

/** Gives the recovery state back, unless the machine had been made and recorded before the task was cut short. */
export async function settleRecovery(
  tx: Tx,
  kind: 'TEST_FAILOVER' | 'FAILOVER_REPLICATION',
  task: EndedTask,
  { replicationId }: RecoveryInput,
): Promise<void> {
  const made = await tx.virtualMachine.findFirst({
    where: { recoveredFromId: replicationId, nativeId: task.id, removedAt: null },
    select: { isTest: true },
  });
  const recoveryState = made ? (made.isTest ? 'TEST' : 'COMPLETE') : 'NOT_STARTED';
  const row = await tx.task.findUnique({ where: { id: task.id }, select: { checkpoint: true } });
  const instanceKey = recoveryCheckpoint.safeParse(row?.checkpoint).data?.instanceKey;
  await settleUnfinished(tx, replicationId, kind, task, { recoveryState, instanceKey });
}

async function chooseInstance(d: JobDependencies, input: RecoveryInput) {
  const instance = await d.prisma.instance.findFirst({
    where: {
      replicationId: input.replicationId,
      ...(input.instanceId === null ? { problem: null } : { id: input.instanceId }),
    },
    orderBy: { sequenceNumber: 'desc' },
  });
  if (instance) return { instanceId: instance.id, instanceKey: instance.key };
  throw new JobFailure({
    code: 'INSTANCE_MISSING',
    message: 'The recovery point to be restored does not exist any more. Choose another one.',
    args: { replicationId: input.replicationId, ...(input.instanceId ? { instanceId: input.instanceId } : {}) },
  });
}

/** Failures behind which this task has certainly made nothing, or nothing that could be reached. */
const nothingMade = ['NAME_TAKEN', 'SITE_UNREACHABLE'];

async function makeMachine(
  d: JobDependencies,
  context: RecoveryContext,
  replication: LoadedReplication,
  { machineName, powerOn }: RecoveryInput,
  instanceKey: string,
  isTest: boolean,
): Promise<MachineReport> {
  const { work } = trackWork(context);
  const connector = connectorOf(d, replication.provider);
  const recovery = { instanceKey, machineName, powerOn };
  const address = replicationAddress(replication);
  try {
    return await atProvider(context.signal, () =>
      isTest ? connector.testFailover(address, recovery, work) : connector.failover(address, recovery, work),
    );
  } catch (error) {
    const isCancelled = context.signal.reason instanceof TaskCancelled;
    const isFailed = error instanceof JobFailure && !nothingMade.includes(error.failure.code);
    if (isCancelled || isFailed) await discard(context, connector, address, machineName);
    throw error;
  }
}

/**
 * Removes the machine that a run of this very task may have made and not recorded, because its worker died in between,
 * now that the task ends without it. No fence: whoever holds a task that was cancelled would do the same.
 */
async function discard(
  context: RecoveryContext,
  connector: Connector,
  address: ReplicationAddress,
  name: string,
): Promise<void> {
  const signal = new AbortController().signal;
  const work = { idempotencyKey: context.taskId, signal, check: async () => {}, report: () => {} };
  try {
    await atProvider(signal, () => connector.cleanUp(address, { nativeId: context.taskId, name }, work));
  } catch (error) {
    if (!(error instanceof JobFailure)) throw error;
    context.warn({
      code: 'FILES_LEFT_BEHIND',
      message: `What was made of ${name} could not be removed: ${error.message}`,
    });
  }
}
