import { Prisma } from '../../prisma/client/client.ts';
import type { Tx } from './context.ts';
import { restingStates } from './replication-state.ts';
import { type ReplicationError, type ReplicationProblem, replicationProblems } from './stored.ts';
import type { RecoveryState } from './vocabulary.ts';

/** What an ended task or an inventory changes beside the derived states. */
export interface Settlement {
  recoveryState?: RecoveryState;
  /** Given the problems known so far, which remain. */
  problems?(known: ReplicationProblem[]): ReplicationProblem[];
  lastError?: ReplicationError;
  lastSyncedAt?: Date;
}

/** Writes what a replication's columns say now that no task works on it, derived from its rows. Stopped ones stay as they are. */
export async function settleReplication(tx: Tx, replicationId: string, change: Settlement = {}): Promise<void> {
  const replication = await tx.replication.findUnique({
    where: { id: replicationId },
    include: { virtualMachine: { select: { removedAt: true } }, sourceSite: { select: { removedAt: true } } },
  });
  if (!replication || replication.removedAt) return;
  const usable = await tx.instance.count({ where: { replicationId, problem: null }, take: 1 });
  const damagedInstances = await tx.instance.count({ where: { replicationId, problem: { not: null } } });
  // What was wrong with a recovery point went with it.
  const instances = await tx.instance.findMany({ where: { replicationId }, select: { key: true } });
  const keys = new Set(instances.map(({ key }) => key));
  const now = new Date();
  const known = replicationProblems.parse(replication.problems);
  const recoveryState = change.recoveryState ?? replication.recoveryState;
  const states = restingStates({
    recoveryState,
    hasUsableInstance: usable > 0,
    damagedInstances,
    isSourcePresent: !replication.virtualMachine.removedAt && !replication.sourceSite.removedAt,
    problems: (change.problems?.(known) ?? known).filter(({ instanceKey }) => !instanceKey || keys.has(instanceKey)),
    now,
  });
  await tx.replication.update({
    where: { id: replicationId },
    data: {
      ...states,
      recoveryState,
      syncProgress: Prisma.DbNull,
      ...(states.sourceState === replication.sourceState ? {} : { sourceStateAt: now }),
      ...(states.destinationState === replication.destinationState ? {} : { destinationStateAt: now }),
      ...(change.lastError === undefined ? {} : { lastError: change.lastError ?? Prisma.DbNull }),
      ...(change.lastSyncedAt ? { lastSyncedAt: change.lastSyncedAt } : {}),
    },
  });
}
