import { isDeepStrictEqual } from 'node:util';
import type { Inventory, MachineReport } from '../connectors/connector.ts';
import type { Tx } from './context.ts';
import { isId } from './id.ts';
import { diskRows, machineColumns } from './inventory.ts';
import { settleReplication } from './settle-replication.ts';
import { activeTaskStates } from './task.ts';

/** What a machine's row says of the failover that made it. */
interface Made {
  recoveredFromId: string;
  recoveredInstance: string;
  isTest: boolean;
}

/** What an inventory changed. */
export interface InventoryChanges {
  machinesFound: number;
  machinesAdded: number;
  machinesChanged: number;
  machinesRemoved: number;
}

/** The database's clock, asked for before a site is read: rows that were written later know better than the reading. */
export async function databaseNow(tx: Pick<Tx, '$queryRaw'>): Promise<Date> {
  const [row] = await tx.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp()::timestamptz(3) AS now`;
  if (!row) throw new Error('The database did not tell the time.');
  return row.now;
}

/**
 * Makes the rows say what was found at a site, in the caller's transaction. Machines that vanished are marked, not
 * deleted; machines that came back are revived. What a failover or a clean-up did after `readAt` stays as it is.
 * Answers null when the site was removed meanwhile.
 */
export async function applyInventory(
  tx: Tx,
  o: { siteId: string; readAt: Date; inventory: Inventory },
): Promise<InventoryChanges | null> {
  await lockSite(tx, o.siteId);
  const site = await tx.site.findUnique({ where: { id: o.siteId }, select: { providerId: true, removedAt: true } });
  if (!site || site.removedAt) return null;
  const now = await databaseNow(tx);
  const organizations = await nameOrganizations(tx, site.providerId, o.inventory.machines);
  const known = await knownMachines(tx, o.siteId);
  const reports = new Map(o.inventory.machines.map((machine) => [machine.nativeId, machine]));
  const changes: InventoryChanges = {
    machinesFound: reports.size,
    machinesAdded: 0,
    machinesChanged: 0,
    machinesRemoved: 0,
  };
  const touched: string[] = [];
  const orphaned: Made[] = [];

  for (const machine of reports.values()) {
    const row = known.get(machine.nativeId);
    const organizationId =
      (machine.organization === null ? undefined : organizations.get(machine.organization)) ?? null;
    const made = row?.recoveredFromId ? null : await unrecordedOrigin(tx, o.siteId, machine);
    if (made) orphaned.push(made);
    if (!row) {
      await insertMachine(tx, { providerId: site.providerId, siteId: o.siteId, organizationId, machine, made });
      changes.machinesAdded += 1;
      continue;
    }
    // Removed by a clean-up after the reading: the reading is older.
    if (row.removedAt && row.removedAt >= o.readAt) continue;
    if (row.removedAt === null && made === null && isSame(row, machine, organizationId)) continue;
    await updateMachine(tx, row.id, machine, organizationId, made);
    changes.machinesChanged += 1;
    touched.push(row.id);
  }
  const seen = [...reports.keys()];
  await tx.virtualMachine.updateMany({
    where: { siteId: o.siteId, nativeId: { in: seen }, removedAt: null },
    data: { lastSeenAt: now },
  });
  const vanished = [...known.values()].filter(
    (row) => row.removedAt === null && !reports.has(row.nativeId) && row.lastSeenAt < o.readAt,
  );
  const vanishedIds = vanished.map((row) => row.id);
  await tx.virtualMachine.updateMany({ where: { id: { in: vanishedIds } }, data: { removedAt: now } });
  changes.machinesRemoved = vanished.length;
  await tx.site.update({
    where: { id: o.siteId },
    data: {
      problems: o.inventory.problems.map(({ path, message }) => ({ path, message })),
      lastSyncedAt: now,
      organizations: { set: [...organizations.values()].map((id) => ({ id })) },
    },
  });
  await settleProtectionOf(tx, [...touched, ...vanishedIds]);
  for (const made of orphaned) await takeUpTest(tx, made);
  return changes;
}

/** Inserts or renews the row of a machine that a failover has just made. */
export async function recordMadeMachine(
  tx: Tx,
  o: {
    providerId: string;
    siteId: string;
    machine: MachineReport;
    made: Made;
  },
): Promise<string> {
  // The site before its machines, as an inventory locks them: else the two could wait for each other.
  await lockSite(tx, o.siteId);
  const organizations = await nameOrganizations(tx, o.providerId, [o.machine]);
  const organizationId = [...organizations.values()][0] ?? null;
  const { siteId, providerId, machine, made } = o;
  const now = await databaseNow(tx);
  const columns = { ...machineColumns(machine), ...made, organizationId, lastSeenAt: now };
  // An inventory may have seen its folder before this.
  const row = await tx.virtualMachine.upsert({
    where: { siteId_nativeId: { siteId, nativeId: machine.nativeId } },
    create: { ...columns, providerId, siteId },
    update: { ...columns, removedAt: null },
  });
  await tx.virtualDisk.deleteMany({ where: { virtualMachineId: row.id } });
  await tx.virtualDisk.createMany({ data: diskRows(machine).map((disk) => ({ ...disk, virtualMachineId: row.id })) });
  if (organizationId) {
    await tx.site.update({ where: { id: siteId }, data: { organizations: { connect: { id: organizationId } } } });
  }
  return row.id;
}

async function lockSite(tx: Tx, siteId: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 FROM "Site" WHERE "id" = ${siteId}::uuid FOR NO KEY UPDATE`;
}

async function knownMachines(tx: Tx, siteId: string) {
  const rows = await tx.virtualMachine.findMany({ where: { siteId }, include: { disks: { orderBy: { key: 'asc' } } } });
  return new Map(rows.map((row) => [row.nativeId, row]));
}

type KnownMachine = Awaited<ReturnType<typeof knownMachines>> extends Map<string, infer Row> ? Row : never;

function isSame(row: KnownMachine, machine: MachineReport, organizationId: string | null): boolean {
  const { nics, ...columns } = machineColumns(machine);
  const scalars = Object.entries(columns) as [keyof typeof columns, unknown][];
  const disks = diskRows(machine).toSorted((a, b) => a.key - b.key);
  return (
    row.organizationId === organizationId &&
    scalars.every(([name, value]) => row[name] === value) &&
    isDeepStrictEqual(row.nics, JSON.parse(JSON.stringify(nics))) &&
    isDeepStrictEqual(
      row.disks.map(({ key, file, sizeBytes }) => ({ key, file, sizeBytes })),
      disks,
    )
  );
}

async function insertMachine(
  tx: Tx,
  o: { providerId: string; siteId: string; organizationId: string | null; machine: MachineReport; made: Made | null },
): Promise<void> {
  const { machine, made, ...places } = o;
  await tx.virtualMachine.create({
    data: { ...places, ...machineColumns(machine), ...made, disks: { create: diskRows(machine) } },
  });
}

/**
 * Where a machine without a row comes from, when a failover of ours made it whole and ended before it could record it: its
 * last worker died in between. Machines of tasks that still run are recorded by those.
 */
async function unrecordedOrigin(tx: Tx, siteId: string, { nativeId, madeBy }: MachineReport): Promise<Made | null> {
  if (!madeBy || madeBy.idempotencyKey !== nativeId || !isId(nativeId)) return null;
  const task = await tx.task.findUnique({
    where: { id: nativeId, state: { in: ['FAILED', 'CANCELLED'] } },
    select: { kind: true, siteId: true, replicationId: true },
  });
  if (task?.siteId !== siteId || task.replicationId !== madeBy.replicationId) return null;
  const isTest = task.kind === 'TEST_FAILOVER';
  return { recoveredFromId: madeBy.replicationId, recoveredInstance: madeBy.instanceKey, isTest };
}

/** A test machine that was found again can be cleaned up like any other. A failover is not repeated by an inventory. */
async function takeUpTest(tx: Tx, { recoveredFromId, isTest }: Made): Promise<void> {
  if (!isTest) return;
  const replication = await tx.replication.findFirst({
    where: {
      id: recoveredFromId,
      recoveryState: 'NOT_STARTED',
      removedAt: null,
      tasks: { none: { state: { in: activeTaskStates } } },
    },
    select: { id: true },
  });
  if (replication) await settleReplication(tx, replication.id, { recoveryState: 'TEST' });
}

async function updateMachine(
  tx: Tx,
  id: string,
  machine: MachineReport,
  organizationId: string | null,
  made: Made | null,
): Promise<void> {
  await tx.virtualMachine.update({
    where: { id },
    data: {
      ...machineColumns(machine),
      ...made,
      organizationId,
      removedAt: null,
      disks: { deleteMany: {}, create: diskRows(machine) },
    },
  });
  // What a replication shows of its machine is how it was last seen.
  await tx.replication.updateMany({
    where: { virtualMachineId: id, removedAt: null },
    data: { vmName: machine.name, vmDescription: machine.description, organizationId },
  });
}

/** Organizations are known by their names; missing ones are made. */
async function nameOrganizations(
  tx: Tx,
  providerId: string,
  machines: readonly Pick<MachineReport, 'organization'>[],
): Promise<Map<string, string>> {
  // Sorted, so that two inventories that add the same ones do it in one order.
  const names = [...new Set(machines.flatMap((machine) => machine.organization ?? []))].sort();
  if (names.length === 0) return new Map();
  await tx.organization.createMany({ data: names.map((name) => ({ providerId, name })), skipDuplicates: true });
  const rows = await tx.organization.findMany({ where: { providerId, name: { in: names } } });
  return new Map(rows.map((row) => [row.name, row.id]));
}

// A replication that a task works on is settled when that task ends.
async function settleProtectionOf(tx: Tx, machineIds: string[]): Promise<void> {
  const replications = await tx.replication.findMany({
    where: {
      virtualMachineId: { in: machineIds },
      removedAt: null,
      tasks: { none: { state: { in: activeTaskStates } } },
    },
    select: { id: true },
  });
  for (const { id } of replications) await settleReplication(tx, id);
}

/** Notes the sizes that a sync saw: newer than the last inventory's. A disk that no inventory has seen is left to the next. */
export async function followDiskSizes(
  tx: Tx,
  virtualMachineId: string,
  { disks }: Pick<MachineReport, 'disks'>,
): Promise<void> {
  for (const { key, file, sizeBytes } of disks) {
    await tx.virtualDisk.updateMany({
      where: { virtualMachineId, key, file, sizeBytes: { not: BigInt(sizeBytes) } },
      data: { sizeBytes: BigInt(sizeBytes) },
    });
  }
}
