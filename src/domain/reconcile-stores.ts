import { randomUUID } from 'node:crypto';
import type { InstanceList, InstanceReport } from '../connectors/connector.ts';
import { connectorFailure } from './connector-failure.ts';
import type { Domain, Tx } from './context.ts';
import { isId } from './id.ts';
import { insertInstance } from './instance.ts';
import { replicationEntity } from './replication-action.ts';
import {
  connectorOf,
  type LoadedReplication,
  replicationAddress,
  replicationParts,
  siteAddress,
} from './replication-address.ts';
import { settleReplication } from './settle-replication.ts';
import type { ReplicationProblem } from './stored.ts';
import { activeTaskStates } from './task.ts';

/** What a reconciliation found; `notes` are for the log. */
export interface Reconciliation {
  checked: number;
  adopted: number;
  removed: number;
  missing: number;
  notes: string[];
}

/** A store with many packs takes a while to look at; nothing else waits for its replication but its own next task. */
const inspectionTimeoutMs = 120_000;

/**
 * Makes the rows and what lies in the stores agree, once at the start of a service. Replications that a task works on are
 * left to that task. Never fails for one store: what cannot be read shows in that replication's health.
 */
export async function reconcileStores(domain: Domain): Promise<Reconciliation> {
  const result: Reconciliation = { checked: 0, adopted: 0, removed: 0, missing: 0, notes: [] };
  const replications = await domain.prisma.replication.findMany({
    where: { removedAt: null },
    select: { id: true },
    orderBy: { createdAt: 'asc' },
  });
  for (const { id } of replications) {
    // The lock keeps new tasks of this replication out: they take it when they are submitted.
    await domain.prisma.$transaction((tx) => reconcileOne(domain, tx, id, result), {
      timeout: inspectionTimeoutMs,
      maxWait: 15_000,
    });
  }
  await sweepSites(domain, result);
  return result;
}

async function reconcileOne(domain: Domain, tx: Tx, id: string, result: Reconciliation): Promise<void> {
  await tx.$queryRaw`SELECT 1 FROM "Replication" WHERE "id" = ${id}::uuid FOR NO KEY UPDATE`;
  const replication = await tx.replication.findFirst({ where: { id, removedAt: null }, include: replicationParts });
  if (!replication || (await isBusy(tx, id))) return;
  const rows = await tx.instance.findMany({ where: { replicationId: id }, orderBy: { createdAt: 'asc' } });
  const { instances } = connectorOf(domain, replication.provider);
  if (!instances) return;
  result.checked += 1;
  const list = await inspect(domain, replication, rows.length > 0);
  if ('problem' in list) {
    result.notes.push(list.problem.message);
    await settleReplication(tx, id, { problems: (known) => [...withoutStore(known), list.problem] });
    return;
  }
  const noted = list.problems.filter((problem) => problem.instanceKey === null);
  result.notes.push(...noted.map((problem) => problem.message));
  const rowKeys = new Set(rows.map((row) => row.key));
  const newestRow = rows.at(-1)?.createdAt;
  const strangers = list.instances.filter((instance) => !rowKeys.has(instance.key));
  // A copy that is newer than every row was published by a task that ended before its row was written: it is good. An
  // older one was left behind by a pruning, which deletes rows first.
  const isNewer = (instance: InstanceReport) => newestRow === undefined || instance.createdAt > newestRow;
  const adopted = strangers.filter(isNewer).sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  for (const report of adopted) await insertInstance(tx, { id: randomUUID(), replicationId: id, report });
  result.adopted += adopted.length;
  const leftovers = strangers.filter((instance) => !isNewer(instance)).map((instance) => instance.key);
  if (leftovers.length > 0) {
    await instances.remove(replicationAddress(replication), leftovers, {
      signal: AbortSignal.timeout(inspectionTimeoutMs),
    });
    result.removed += leftovers.length;
  }
  await markInstances(tx, replication, rows, list, result);
  const newest = adopted.at(-1);
  await settleReplication(tx, id, {
    problems: withoutStore,
    ...(newest ? { lastSyncedAt: newest.createdAt } : {}),
  });
}

/** An instance whose files are missing or damaged says so; one that is whole again no longer does. */
async function markInstances(
  tx: Tx,
  replication: LoadedReplication,
  rows: readonly { id: string; key: string; problem: string | null }[],
  list: InstanceList,
  result: Reconciliation,
): Promise<void> {
  const present = new Set(list.instances.map((instance) => instance.key));
  const damage = new Map(list.problems.map((problem) => [problem.instanceKey, problem.message]));
  for (const row of rows) {
    const missing = `Its files are missing from ${replication.destinationSite.path ?? replication.destinationSite.name}.`;
    const problem = damage.get(row.key) ?? (present.has(row.key) ? null : missing);
    if (problem !== null) {
      result.missing += 1;
      result.notes.push(`An instance of ${replication.vmName} cannot be used: ${problem}`);
    }
    if (problem !== row.problem) await tx.instance.update({ where: { id: row.id }, data: { problem } });
  }
}

async function inspect(
  domain: Domain,
  replication: LoadedReplication,
  hasRows: boolean,
): Promise<InstanceList | { problem: ReplicationProblem }> {
  const connector = connectorOf(domain, replication.provider);
  try {
    return (await connector.instances?.inspect(replicationAddress(replication))) ?? { instances: [], problems: [] };
  } catch (error) {
    const failure = connectorFailure(error);
    if (!failure) throw error;
    // Its first sync failed before there was a store: nothing is missing.
    if (failure.code === 'STORE_DAMAGED' && !hasRows) return { instances: [], problems: [] };
    const code = failure.code === 'SITE_UNREACHABLE' ? 'DESTINATION_UNREACHABLE' : 'STORE_DAMAGED';
    return { problem: { code, message: failure.message, at: new Date().toISOString() } };
  }
}

/** Unfinished work at a site that no task will go on with. Listed before the tasks are: what is listed is older. */
async function sweepSites(domain: Domain, result: Reconciliation): Promise<void> {
  const sites = await domain.prisma.site.findMany({ where: { removedAt: null }, include: { provider: true } });
  for (const site of sites) {
    const { folders } = connectorOf(domain, site.provider);
    if (!folders) continue;
    try {
      const names = await folders.listDebris(siteAddress(site));
      if (names.length === 0) continue;
      const active = await domain.prisma.task.findMany({
        where: { siteId: site.id, state: { in: activeTaskStates } },
        select: { id: true },
      });
      const live = new Set(active.map((task) => task.id));
      // What is not named after a task (a store being made or removed) goes only when nothing at all works at the site.
      const dead = names.filter((name) => (isId(name) ? !live.has(name) : live.size === 0));
      await folders.removeDebris(siteAddress(site), dead);
      if (dead.length > 0) result.notes.push(`Removed unfinished work at ${site.name}: ${dead.join(', ')}.`);
    } catch (error) {
      const failure = connectorFailure(error);
      if (!failure) throw error;
      result.notes.push(failure.message);
    }
  }
}

async function isBusy(tx: Tx, id: string): Promise<boolean> {
  const where = { entityKey: replicationEntity(id), state: { in: activeTaskStates } };
  return (await tx.task.findFirst({ where, select: { id: true } })) !== null;
}

function withoutStore(problems: ReplicationProblem[]): ReplicationProblem[] {
  return problems.filter(({ code }) => code !== 'STORE_DAMAGED' && code !== 'DESTINATION_UNREACHABLE');
}
