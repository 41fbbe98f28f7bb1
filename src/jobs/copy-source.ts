import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { InstanceReport } from '../connectors/connector.ts';
import { followDiskSizes } from '../domain/apply-inventory.ts';
import type { Tx } from '../domain/context.ts';
import { insertInstance } from '../domain/instance.ts';
import { connectorOf, type LoadedReplication, replicationAddress } from '../domain/replication-address.ts';
import { instancesToDelete } from '../domain/retention.ts';
import { settleReplication } from '../domain/settle-replication.ts';
import { retentionRules, type SyncProgress } from '../domain/stored.ts';
import type { TaskResult } from '../domain/task-result.ts';
import { type JobContext, JobFailure, type JobOutcome } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { atProvider } from './failure.ts';
import { syncPercent, trackWork } from './progress.ts';
import { loadReplication, without } from './replication-work.ts';

/** How far the making of an instance got. */
export const copyCheckpoint = z.discriminatedUnion('stage', [
  z.object({ stage: z.literal('COPYING') }),
  /** The instance's row is written; what retention no longer keeps is to be deleted. */
  z.object({ stage: z.literal('COPIED'), instanceId: z.uuid() }),
  /** These rows are gone; their files may be there yet. */
  z.object({ stage: z.literal('PRUNING'), instanceId: z.uuid(), keys: z.array(z.string()) }),
]);
export type CopyCheckpoint = z.infer<typeof copyCheckpoint>;

type CopyContext = JobContext<CopyCheckpoint, Tx>;

/** Makes a recovery point and then applies retention: what a start and a sync have in common. */
export async function copySource(
  d: JobDependencies,
  context: CopyContext,
  replicationId: string,
): Promise<JobOutcome<TaskResult, Tx>> {
  const replication = await loadReplication(d, replicationId);
  const { checkpoint } = context;
  const instanceId =
    checkpoint && checkpoint.stage !== 'COPYING' ? checkpoint.instanceId : await copy(d, context, replication);
  const keys = checkpoint?.stage === 'PRUNING' ? checkpoint.keys : await dropRows(d, context, replication, instanceId);
  await dropFiles(d, context, replication, keys);
  const instance = await d.prisma.instance.findUniqueOrThrow({ where: { id: instanceId } });
  return {
    outcome: 'done',
    result: {
      type: 'SYNC',
      replicationId,
      instanceId,
      transferBytes: instance.transferBytes.toString(),
      transferSeconds: instance.transferSeconds,
    },
    commit: (tx) => settleReplication(tx, replicationId),
  };
}

async function copy(d: JobDependencies, context: CopyContext, replication: LoadedReplication): Promise<string> {
  const connector = connectorOf(d, replication.provider);
  const address = replicationAddress(replication);
  const isInitial = (await d.prisma.instance.count({ where: { replicationId: replication.id }, take: 1 })) === 0;
  await context.step({ stage: 'COPYING' }, (tx) => markSyncing(tx, replication.id, isInitial));
  const { work, settled } = trackWork(context, (counters) =>
    context.step({ stage: 'COPYING' }, async (tx) => {
      const syncProgress = { progress: syncPercent(counters), ...counters } satisfies SyncProgress;
      await tx.replication.update({ where: { id: replication.id }, data: { syncProgress } });
    }),
  );
  let report: InstanceReport;
  try {
    report = await atProvider(context.signal, () =>
      isInitial ? connector.start(address, work) : connector.sync(address, work),
    );
  } finally {
    await settled();
  }
  return recordCopied(context, replication, report);
}

async function markSyncing(tx: Tx, replicationId: string, isInitial: boolean): Promise<void> {
  const state = isInitial ? 'INITIAL_SYNCING' : 'SYNCING';
  const now = new Date();
  await tx.replication.update({
    where: { id: replicationId },
    data: {
      sourceState: state,
      sourceStateAt: now,
      destinationState: state,
      destinationStateAt: now,
      dataConnectionState: state,
      lastSyncStartedAt: now,
      syncProgress: {
        progress: 0,
        checksumTotalBytes: 0,
        checksumComparedBytes: 0,
        bytesToTransfer: 0,
        bytesTransferred: 0,
      } satisfies SyncProgress,
    },
  });
}

/** The row comes last, behind files that are durable, and with it what a successful sync clears. */
async function recordCopied(
  context: CopyContext,
  { id: replicationId, virtualMachineId }: LoadedReplication,
  report: InstanceReport,
): Promise<string> {
  const instanceId = randomUUID();
  await context.step({ stage: 'COPIED', instanceId }, async (tx) => {
    // Before the replication's row, as an inventory does: else the two could wait for each other.
    await followDiskSizes(tx, virtualMachineId, report);
    await insertInstance(tx, { id: instanceId, replicationId, report });
    await settleReplication(tx, replicationId, {
      problems: (known) => without(known, ['SYNC_FAILED', 'DESTINATION_UNREACHABLE']),
      lastError: null,
      lastSyncedAt: report.createdAt,
    });
  });
  return instanceId;
}

/** Rows go before files: an instance that is listed can be restored. Answers the keys whose files are to be deleted. */
async function dropRows(
  d: JobDependencies,
  context: CopyContext,
  replication: LoadedReplication,
  instanceId: string,
): Promise<string[]> {
  if (!connectorOf(d, replication.provider).instances) return [];
  const replicationId = replication.id;
  const rules = retentionRules.parse(replication.retentionRules);
  const instances = await d.prisma.instance.findMany({ where: { replicationId } });
  const outdated = instancesToDelete(instances, rules);
  if (outdated.length === 0) return [];
  const keys = outdated.map((instance) => instance.key);
  await context
    .step({ stage: 'PRUNING', instanceId, keys }, async (tx) => {
      const ids = outdated.map((instance) => instance.id);
      const { count } = await tx.instance.deleteMany({ where: { id: { in: ids }, isPinned: false } });
      // Rolled back and asked again: keys and rows must name the same instances.
      if (count !== ids.length) throw new PinnedMeanwhile();
      await tx.replication.update({ where: { id: replicationId }, data: { dataConnectionState: 'PRUNING' } });
    })
    .catch((error: unknown) => {
      if (!(error instanceof PinnedMeanwhile)) throw error;
      keys.length = 0;
    });
  return keys;
}

// An instance was pinned between the reading and the deleting: the next sync's retention sees it.
class PinnedMeanwhile extends Error {}

/** The recovery point exists: that its predecessors' space could not be freed is a warning, not a failure. */
async function dropFiles(
  d: JobDependencies,
  context: CopyContext,
  replication: LoadedReplication,
  keys: readonly string[],
): Promise<void> {
  const { instances } = connectorOf(d, replication.provider);
  if (!instances || keys.length === 0) return;
  await context.check();
  context.report({ phase: 'PRUNE' });
  const kept = await d.prisma.instance.findMany({ where: { replicationId: replication.id }, select: { key: true } });
  const expected = kept.map(({ key }) => key);
  try {
    await atProvider(context.signal, () =>
      instances.remove(replicationAddress(replication), keys, { signal: context.signal, expected }),
    );
  } catch (error) {
    if (!(error instanceof JobFailure)) throw error;
    context.warn({ code: 'RETENTION_FAILED', message: `Old instances could not be deleted: ${error.message}` });
  }
}
