import { z } from 'zod';
import { Prisma } from '../../prisma/client/client.ts';
import type { Tx } from '../domain/context.ts';
import { connectorOf, type LoadedReplication, replicationAddress } from '../domain/replication-address.ts';
import { requestOfTask } from '../domain/task.ts';
import { defineJob, type Job, type JobContext, JobFailure } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { atProvider } from './failure.ts';
import { trackWork } from './progress.ts';
import { loadReplication, settleUnfinished } from './replication-work.ts';
import { forgetTestMachines, removeTestMachines } from './test-machine.ts';

/**
 * Ends a replication: its recovery points go, and a test machine with them, because nothing could clean it up later. A
 * machine that a failover made stays. The replication's row stays as history.
 */
export function stopReplicationJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'STOP_REPLICATION',
    input: z.object({ ...requestOfTask, replicationId: z.uuid() }),
    checkpoint: z.object({}),
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: async (context, { replicationId }) => {
      const replication = await loadReplication(d, replicationId);
      await removeFiles(d, context, replication);
      return { outcome: 'done', result: null, commit: (tx: Tx) => markStopped(tx, replication) };
    },
    onUnfinished: (tx: Tx, task, { replicationId }) =>
      settleUnfinished(tx, replicationId, 'STOP_REPLICATION', task, { problemCode: 'STOP_FAILED' }),
  });
}

async function removeFiles<Checkpoint>(
  d: JobDependencies,
  context: JobContext<Checkpoint, Tx>,
  replication: LoadedReplication,
): Promise<void> {
  const { work } = trackWork(context);
  try {
    await removeTestMachines(d, context, replication);
    context.report({ phase: 'REMOVE' });
    await atProvider(context.signal, () =>
      connectorOf(d, replication.provider).stop(replicationAddress(replication), work),
    );
  } catch (error) {
    // A destination that is gone for good must not keep the replication, and through it both sites, for ever.
    if (!(error instanceof JobFailure) || error.failure.code !== 'SITE_UNREACHABLE') throw error;
    context.warn({
      code: 'FILES_LEFT_BEHIND',
      message: `The replication was ended, but its files could not be removed: ${error.message} Should the folder come back, delete .drgraph/stores/${replication.id} in it.`,
    });
  }
}

async function markStopped(tx: Tx, replication: LoadedReplication): Promise<void> {
  const now = new Date();
  await tx.instance.deleteMany({ where: { replicationId: replication.id } });
  await forgetTestMachines(tx, replication.id);
  await tx.replication.update({
    where: { id: replication.id },
    data: {
      removedAt: now,
      sourceState: 'REMOVED',
      sourceStateAt: now,
      destinationState: 'REMOVED',
      destinationStateAt: now,
      dataConnectionState: 'FINISHED',
      overallHealth: 'UNKNOWN',
      problems: [],
      syncProgress: Prisma.DbNull,
      lastError: Prisma.DbNull,
      ...(replication.recoveryState === 'COMPLETE' ? {} : { recoveryState: 'NOT_STARTED' }),
    },
  });
}
