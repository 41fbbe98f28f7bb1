import { createContextCache } from '@pothos/core';
import DataLoader from 'dataloader';
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
      const replicationId = { in: [...ids] };
      const [instances, tasks] = await Promise.all([
        prisma.instance.groupBy({
          by: ['replicationId'],
          where: { replicationId, problem: null },
          _max: { createdAt: true },
        }),
        // By entity key, because the index of active tasks is on it: a replication's whole history is not read.
        prisma.task.findMany({
          where: { entityKey: { in: ids.map((id) => `replication:${id}`) }, state: { in: [...activeTaskStates] } },
          select: { entityKey: true },
        }),
      ]);
      const newest = new Map(instances.map((group) => [group.replicationId, group._max.createdAt]));
      const busy = new Set(tasks.map(({ entityKey }) => entityKey));
      return ids.map((id) => ({ newestUsableAt: newest.get(id) ?? null, isBusy: busy.has(`replication:${id}`) }));
    }),
);

/** The facts of one replication; two statements for all that a request asks about. */
export function factOf(context: GraphContext, replicationId: string): Promise<ReplicationFact> {
  return loaders(context).load(replicationId);
}
