import { z } from 'zod';

/** What a task leaves behind when it succeeds: stored as JSON on the task, read back through this schema. */
export const taskResult = z.discriminatedUnion('type', [
  /** A start or a sync: the recovery point that it made. */
  z.object({
    type: z.literal('SYNC'),
    replicationId: z.uuid(),
    instanceId: z.uuid(),
    transferBytes: z.string(),
    transferSeconds: z.number(),
  }),
  /** A failover or a test failover: the machine that it made. */
  z.object({
    type: z.literal('FAILOVER'),
    replicationId: z.uuid(),
    virtualMachineId: z.uuid(),
    instanceId: z.uuid(),
    instanceKey: z.string(),
  }),
  /** An inventory: what changed. */
  z.object({
    type: z.literal('INVENTORY'),
    machinesFound: z.int(),
    machinesAdded: z.int(),
    machinesChanged: z.int(),
    machinesRemoved: z.int(),
    problems: z.array(z.object({ path: z.string(), message: z.string() })),
  }),
]);
export type TaskResult = z.infer<typeof taskResult>;
