import { z } from 'zod';

const text = z.string().nullable();
const moment = z
  .string()
  .transform((value) => new Date(value))
  .nullable();
const bytes = z
  .union([z.string(), z.int()])
  .transform((value) => BigInt(value))
  .nullable();
const requiredMoment = z.string().transform((value) => new Date(value));

/** Columns that move without an event; the rest changes only with one. */
const current = {
  progress: z.number().nullable(),
  phase: text,
  bytesDone: bytes,
  bytesTotal: bytes,
  objectsDone: bytes,
  objectsTotal: bytes,
  transferRate: z.number().nullable(),
  updatedAt: requiredMoment,
};

/**
 * A task's row as an event carries it: `to_jsonb` of the columns that are shown. A column that an older program did not have is
 * left out, and then the row's own value counts.
 */
export const taskSnapshot = z
  .object({
    ...current,
    kind: z.string(),
    state: z.string(),
    result: z.json().nullable(),
    error: z.json().nullable(),
    warnings: z.json(),
    completeReason: text,
    priority: z.int(),
    notBefore: moment,
    startBefore: moment,
    waitingFor: text,
    isCancellable: z.boolean(),
    cancelRequestedAt: moment,
    cancelRequestedBy: text,
    workerId: text,
    attempts: z.int(),
    maxAttempts: z.int(),
    createdAt: requiredMoment,
    startedAt: moment,
    finishedAt: moment,
    providerId: text,
    siteId: text,
    organizationId: text,
    replicationId: text,
    virtualMachineId: text,
    resourceType: text,
    resourceId: text,
    resourceName: text,
    relatedResources: z.json(),
    nativeId: text,
    nativeType: text,
    nativeState: text,
    operationId: text,
    initiatedBy: text,
  })
  .partial();
export type TaskSnapshot = z.infer<typeof taskSnapshot>;

/** The snapshot without what moves between events: laid over a row it keeps the row's own progress. */
export function withoutProgress(snapshot: TaskSnapshot): TaskSnapshot {
  return Object.fromEntries(Object.entries(snapshot).filter(([column]) => !Object.hasOwn(current, column)));
}
