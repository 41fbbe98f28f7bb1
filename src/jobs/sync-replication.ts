import { z } from 'zod';
import type { Tx } from '../domain/context.ts';
import { requestOfTask } from '../domain/task.ts';
import { defineJob, type Job } from '../engine/job.ts';
import { copyCheckpoint, copySource } from './copy-source.ts';
import type { JobDependencies } from './dependencies.ts';
import { settleUnfinished } from './replication-work.ts';

/** Makes a recovery point of what changed since the last one, then deletes what retention no longer keeps. */
export function syncReplicationJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'SYNC_REPLICATION',
    input: z.object({ ...requestOfTask, replicationId: z.uuid() }),
    checkpoint: copyCheckpoint,
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: (context, { replicationId }) => copySource(d, context, replicationId),
    onUnfinished: (tx: Tx, task, { replicationId }) =>
      settleUnfinished(tx, replicationId, 'SYNC_REPLICATION', task, { problemCode: 'SYNC_FAILED' }),
  });
}
