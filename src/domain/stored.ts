import { z } from 'zod';

// Shapes of the database's JSON columns. Whoever reads one parses it here; whoever writes one satisfies the type.

const instant = z.iso.datetime();

/** Replication.retentionRules: how many instances to keep, at which distance. See `retention.ts`. */
export const retentionRules = z.array(z.object({ numberOfInstances: z.int(), distanceMinutes: z.int() }));
export type RetentionRule = z.infer<typeof retentionRules>[number];

/** Why health is not GREEN. `instanceKey` names the recovery point where the problem is one's. */
export const replicationProblems = z.array(
  z.object({ code: z.string(), message: z.string(), at: instant, instanceKey: z.string().nullish() }),
);
export type ReplicationProblem = z.infer<typeof replicationProblems>[number];

/** Replication.lastError: the last action that failed, until one of the same kind succeeds. */
export const replicationError = z
  .object({ code: z.string(), message: z.string(), at: instant, taskId: z.string(), kind: z.string() })
  .nullable();
export type ReplicationError = z.infer<typeof replicationError>;

/** Replication.syncProgress: a running sync's counters in bytes, as VCDA names them. */
export const syncProgress = z
  .object({
    progress: z.number(),
    checksumTotalBytes: z.number(),
    checksumComparedBytes: z.number(),
    bytesToTransfer: z.number(),
    bytesTransferred: z.number(),
  })
  .nullable();
export type SyncProgress = z.infer<typeof syncProgress>;

/** Instance.disks: the disks as they were in the recovery point. */
export const instanceDisks = z.array(
  z.object({ key: z.int(), file: z.string(), sizeBytes: z.number(), sha256: z.string().nullish() }),
);
export type InstanceDisk = z.infer<typeof instanceDisks>[number];

/** Site.problems: what the last inventory could not use. */
export const siteProblems = z.array(z.object({ path: z.string(), message: z.string() }));
export type SiteProblem = z.infer<typeof siteProblems>[number];
