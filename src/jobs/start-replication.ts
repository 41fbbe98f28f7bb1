import { z } from 'zod';
import type { Tx } from '../domain/context.ts';
import { requestOfTask } from '../domain/task.ts';
import { defineJob, type Job } from '../engine/job.ts';
import { copyCheckpoint, copySource } from './copy-source.ts';
import type { JobDependencies } from './dependencies.ts';
import { settleUnfinished } from './replication-work.ts';

/**
 * Makes the store and the first recovery point. When that fails, the replication stays without one, in RED health: it can
 * be synchronized again, which goes on where this ended, or stopped.
 */
export function startReplicationJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'START_REPLICATION',
    input: z.object({ ...requestOfTask, replicationId: z.uuid() }),
    checkpoint: copyCheckpoint,
    maxAttempts: 5,
    isCancellable: true,
    repeat: {
      unsafe:
        'Its replication exists and keeps what was copied: go on with syncReplication, or end it with stopReplication.',
    },
    run: (context, { replicationId }) => copySource(d, context, replicationId),
    onUnfinished: (tx: Tx, task, { replicationId }) =>
      settleUnfinished(tx, replicationId, 'START_REPLICATION', task, { problemCode: 'SYNC_FAILED' }),
  });
}
