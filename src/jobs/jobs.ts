import type { Tx } from '../domain/context.ts';
import type { Job } from '../engine/job.ts';
import { cleanUpTestFailoverJob } from './clean-up-test-failover.ts';
import type { JobDependencies } from './dependencies.ts';
import { failoverReplicationJob } from './failover-replication.ts';
import { startReplicationJob } from './start-replication.ts';
import { stopReplicationJob } from './stop-replication.ts';
import { syncInventoryJob } from './sync-inventory.ts';
import { syncReplicationJob } from './sync-replication.ts';
import { testFailoverJob } from './test-failover.ts';

/** Every kind of task that this service can run. A new kind is a file of its own and a line here. */
export function createJobs(d: JobDependencies): Job<Tx>[] {
  return [
    startReplicationJob(d),
    syncReplicationJob(d),
    testFailoverJob(d),
    cleanUpTestFailoverJob(d),
    failoverReplicationJob(d),
    stopReplicationJob(d),
    syncInventoryJob(d),
  ];
}
