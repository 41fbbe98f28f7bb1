import { randomUUID } from 'node:crypto';
import type { Inspection, InstanceList, InstanceReport } from '../connectors/connector.ts';
import { databaseNow } from './apply-inventory.ts';
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

/** How long something may hold new tasks of a replication back: only the clearing away of what is not needed, never the reading. */
const exclusiveMs = 45_000;
/** A replication that a task worked on while its store was read is read again, so many times in all; then its tasks suffice. */
const maxReadings = 3;

/**
 * Makes the rows and what lies in the stores agree, once at the start of a service. Replications that a task works on are
 * left to that task; what is read while no task works counts only if none has worked meanwhile. Never fails for one store:
 * what cannot be read shows in that replication's health. Ends soon, in peace, when the signal is aborted.
 */
export async function reconcileStores(
  domain: Domain,
  signal: AbortSignal = new AbortController().signal,
): Promise<Reconciliation> {
  const result: Reconciliation = { checked: 0, adopted: 0, removed: 0, missing: 0, notes: [] };
  const replications = await domain.prisma.replication.findMany({
    where: { removedAt: null },
    select: { id: true },
    orderBy: { createdAt: 'asc' },
  });
  for (const { id } of replications) {
    for (let reading = 1; reading <= maxReadings && !signal.aborted; reading += 1) {
      if (await reconcileOrNote(domain, id, result, signal)) break;
    }
  }
  if (!signal.aborted) await sweepSites(domain, result);
  return result;
}

/** What breaks off at one store (a limit of time, a lost connection) costs the others nothing. */
async function reconcileOrNote(
  domain: Domain,
  id: string,
  result: Reconciliation,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await reconcileOne(domain, id, result, signal);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!signal.aborted) result.notes.push(`The store of the replication ${id} could not be compared: ${why}`);
    return true;
  }
}

/** False when a task has worked on the replication meanwhile, so that what was read is out of date. */
async function reconcileOne(domain: Domain, id: string, result: Reconciliation, signal: AbortSignal): Promise<boolean> {
  const { prisma } = domain;
  const since = await databaseNow(prisma);
  const replication = await prisma.replication.findFirst({ where: { id, removedAt: null }, include: replicationParts });
  if (!replication || (await hasWorked(prisma, id, since))) return true;
  const { instances } = connectorOf(domain, replication.provider);
  if (!instances) return true;
  const rows = await prisma.instance.findMany({ where: { replicationId: id }, orderBy: { createdAt: 'asc' } });
  const exclusively = (work: (tx: Tx) => Promise<void>) => whileIdle(domain, id, since, work);
  const list = await inspect(domain, replication, rows, { signal, exclusively });
  if (signal.aborted || list === 'aborted') return true;
  const known: Reconciliation = { checked: 1, adopted: 0, removed: 0, missing: 0, notes: [] };
  let leftovers: string[] = [];
  const isCurrent = await exclusively(async (tx) => {
    leftovers = await record(tx, replication, rows, list, known, (key) =>
      instances.fileOf(replicationAddress(replication), key),
    );
  });
  if (!isCurrent) return false;
  if (leftovers.length > 0) await removeLeftovers(domain, replication, leftovers, { known, signal, exclusively });
  for (const count of ['checked', 'adopted', 'removed', 'missing'] as const) result[count] += known[count];
  result.notes.push(...known.notes);
  return true;
}

/** Writes what was found into the rows; answers the keys of instances that nothing needs any more. */
async function record(
  tx: Tx,
  replication: LoadedReplication,
  rows: readonly { id: string; key: string; problem: string | null; createdAt: Date }[],
  list: Found,
  result: Reconciliation,
  fileOf: (key: string) => string,
): Promise<string[]> {
  const { id } = replication;
  if ('problem' in list) {
    result.notes.push(list.problem.message);
    await settleReplication(tx, id, { problems: (known) => [...withoutStore(known), list.problem] });
    return [];
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
  await markInstances(tx, replication, rows, list, result, fileOf);
  const newest = adopted.at(-1);
  await settleReplication(tx, id, {
    problems: withoutStore,
    ...(newest ? { lastSyncedAt: newest.createdAt } : {}),
  });
  return strangers.filter((instance) => !isNewer(instance)).map((instance) => instance.key);
}

/** Their space is freed at once where that can be; else the next retention or the next start frees it. */
async function removeLeftovers(
  domain: Domain,
  replication: LoadedReplication,
  keys: readonly string[],
  o: { known: Reconciliation; signal: AbortSignal; exclusively: (work: (tx: Tx) => Promise<void>) => Promise<boolean> },
): Promise<void> {
  const { instances } = connectorOf(domain, replication.provider);
  try {
    await o.exclusively(async (tx) => {
      const rows = await tx.instance.findMany({ where: { replicationId: replication.id }, select: { key: true } });
      const expected = rows.map(({ key }) => key);
      const signal = AbortSignal.any([o.signal, AbortSignal.timeout(exclusiveMs)]);
      await instances?.remove(replicationAddress(replication), keys, { signal, expected });
      o.known.removed += keys.length;
    });
  } catch (error) {
    const failure = connectorFailure(error);
    if (!failure) throw error;
    if (!o.signal.aborted) o.known.notes.push(failure.message);
  }
}

/** An instance whose files are missing or damaged says so; one that is whole again no longer does. */
async function markInstances(
  tx: Tx,
  replication: LoadedReplication,
  rows: readonly { id: string; key: string; problem: string | null }[],
  list: InstanceList,
  result: Reconciliation,
  fileOf: (key: string) => string,
): Promise<void> {
  const present = new Set(list.instances.map((instance) => instance.key));
  const damage = new Map(list.problems.map((problem) => [problem.instanceKey, problem.message]));
  for (const row of rows) {
    const missing = `Its file ${fileOf(row.key)} is missing. Put it back and restart drgraph; until then all that it may need is kept. To give it up, leave it to the retention rules or stop the replication.`;
    const problem = damage.get(row.key) ?? (present.has(row.key) ? null : missing);
    if (problem !== null) {
      result.missing += 1;
      result.notes.push(`An instance of ${replication.vmName} cannot be used: ${problem}`);
    }
    if (problem !== row.problem) await tx.instance.update({ where: { id: row.id }, data: { problem } });
  }
}

type Found = InstanceList | { problem: ReplicationProblem };

async function inspect(
  domain: Domain,
  replication: LoadedReplication,
  rows: readonly { key: string }[],
  o: Pick<Inspection, 'signal'> & { exclusively: (work: () => Promise<void>) => Promise<boolean> },
): Promise<Found | 'aborted'> {
  const connector = connectorOf(domain, replication.provider);
  const inspection = { ...o, expected: rows.map(({ key }) => key) };
  const nothing = { instances: [], problems: [] };
  try {
    return (await connector.instances?.inspect(replicationAddress(replication), inspection)) ?? nothing;
  } catch (error) {
    const failure = connectorFailure(error);
    if (o.signal.aborted) return 'aborted';
    if (!failure) throw error;
    // Its first sync failed before there was a store: nothing is missing.
    if (failure.code === 'STORE_DAMAGED' && rows.length === 0) return nothing;
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

/**
 * Runs work while no task of the replication can be submitted (that takes the same lock), unless one is active or has
 * ended since: then false. A queued task, one handed back and one whose worker died are all active, in every service.
 */
async function whileIdle(domain: Domain, id: string, since: Date, work: (tx: Tx) => Promise<void>): Promise<boolean> {
  return domain.prisma.$transaction(
    async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM "Replication" WHERE "id" = ${id}::uuid FOR NO KEY UPDATE`;
      const isThere = (await tx.replication.count({ where: { id, removedAt: null } })) > 0;
      if (!isThere || (await hasWorked(tx, id, since))) return false;
      await work(tx);
      return true;
    },
    // Below the 60 s after which the database ends an idle transaction.
    { timeout: exclusiveMs + 5_000, maxWait: 15_000 },
  );
}

async function hasWorked(tx: Tx, id: string, since: Date): Promise<boolean> {
  const state = [{ state: { in: activeTaskStates } }, { finishedAt: { gte: since } }];
  const where = { entityKey: replicationEntity(id), OR: state };
  return (await tx.task.findFirst({ where, select: { id: true } })) !== null;
}

/** Damage that a restore met in the blocks of one recovery point stays: a comparison does not read those. */
function withoutStore(problems: ReplicationProblem[]): ReplicationProblem[] {
  return problems.filter(({ code, instanceKey }) =>
    code === 'STORE_DAMAGED' ? Boolean(instanceKey) : code !== 'DESTINATION_UNREACHABLE',
  );
}
