import type { Tx } from '../domain/context.ts';
import { defineJob, type Job } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { recoverMachine, recoveryCheckpoint, recoveryInput, settleRecovery } from './recover-machine.ts';

/** Makes a machine of a recovery point beside the source, to look at and throw away; recoveryState becomes TEST. */
export function testFailoverJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'TEST_FAILOVER',
    input: recoveryInput,
    checkpoint: recoveryCheckpoint,
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: (context, input) => recoverMachine(d, context, input, true),
    onUnfinished: (tx: Tx, task, input) => settleRecovery(tx, 'TEST_FAILOVER', task, input),
  });
}
