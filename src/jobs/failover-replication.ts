import type { Tx } from '../domain/context.ts';
import { defineJob, type Job } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { recoverMachine, recoveryCheckpoint, recoveryInput, settleRecovery } from './recover-machine.ts';

/** Makes the machine that takes over; recoveryState becomes COMPLETE. Works without the source. */
export function failoverReplicationJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'FAILOVER_REPLICATION',
    input: recoveryInput,
    checkpoint: recoveryCheckpoint,
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: (context, input) => recoverMachine(d, context, input, false),
    onUnfinished: (tx: Tx, task, input) => settleRecovery(tx, 'FAILOVER_REPLICATION', task, input),
  });
}
