import { createContextCache } from '@pothos/core';
import DataLoader from 'dataloader';
import { replicationEntity } from '../domain/replication-action.ts';
import { activeTaskStates } from '../domain/task.ts';
import type { GraphContext } from './context.ts';

/** What decides about a replication and does not stand in its row. */
export interface ReplicationFact {
  /** The moment of the newest recovery point without a known problem; null when there is none. */
  newestUsableAt: Date | null;
  isBusy: boolean;
}

const loaders = createContextCache(
  ({ domain: { prisma } }: GraphContext) =>
    new DataLoader<string, ReplicationFact>(async (ids) => {
      const [newest, tasks] = await Promise.all([
        // One lateral join a replication, on the index: a maximum over a group would read all of its recovery points.
        prisma.replication.findMany({
          where: { id: { in: [...ids] } },
          select: {
            id: true,
            instances: {
              where: { problem: null },
              orderBy: { createdAt: 'desc' },
              take: 1,
              select: { createdAt: true },
            },
          },
        }),
        // By entity key, because the index of active tasks is on it: a replication's whole history is not read.
        prisma.task.findMany({
          where: { entityKey: { in: ids.map(replicationEntity) }, state: { in: [...activeTaskStates] } },
          select: { entityKey: true },
        }),
      ]);
      const newestAt = new Map(newest.map(({ id, instances }) => [id, instances[0]?.createdAt ?? null]));
      const busy = new Set(tasks.map(({ entityKey }) => entityKey));
      return ids.map((id) => ({ newestUsableAt: newestAt.get(id) ?? null, isBusy: busy.has(replicationEntity(id)) }));
    }),
);

/** The facts of one replication; two statements for all that a request asks about. */
export function factOf(context: GraphContext, replicationId: string): Promise<ReplicationFact> {
  return loaders(context).load(replicationId);
}
