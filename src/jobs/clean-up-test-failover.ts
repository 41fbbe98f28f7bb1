import { z } from 'zod';
import type { Tx } from '../domain/context.ts';
import { settleReplication } from '../domain/settle-replication.ts';
import { requestOfTask } from '../domain/task.ts';
import { defineJob, type Job } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { loadReplication, settleUnfinished } from './replication-work.ts';
import { forgetTestMachines, removeTestMachines } from './test-machine.ts';

/** Removes the machine of a test failover; recoveryState becomes NOT_STARTED. One that is gone already is no error. */
export function cleanUpTestFailoverJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'CLEAN_UP_TEST_FAILOVER',
    input: z.object({ ...requestOfTask, replicationId: z.uuid() }),
    checkpoint: z.object({}),
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: async (context, { replicationId }) => {
      const replication = await loadReplication(d, replicationId);
      await removeTestMachines(d, context, replication);
      return {
        outcome: 'done',
        result: null,
        commit: async (tx: Tx) => {
          await forgetTestMachines(tx, replicationId);
          await settleReplication(tx, replicationId, { recoveryState: 'NOT_STARTED', lastError: null });
        },
      };
    },
    onUnfinished: (tx: Tx, task, { replicationId }) =>
      settleUnfinished(tx, replicationId, 'CLEAN_UP_TEST_FAILOVER', task),
  });
}
