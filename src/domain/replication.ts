import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Domain, Tx } from './context.ts';
import { ConflictError, InvalidInputError, NotFoundError } from './error.ts';
import { isId } from './id.ts';
import { requireOperator } from './permission.ts';
import { aboutReplication, replicationEntity, submitReplicationAction } from './replication-action.ts';
import { parseSettings, type ReplicationSettings, type ReplicationSettingsInput } from './replication-settings.ts';
import { submitTask, type TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';
import { visibleSites, visibleVirtualMachines } from './visibility.ts';

/** Which machine is protected, where to, and how. */
export interface StartReplicationInput extends TaskOptions {
  source: { virtualMachine: { id: string } };
  destination: { site: { id: string } };
  settings?: ReplicationSettingsInput | null;
}

const startedTask = z.looseObject({ replicationId: z.uuid() });

/** Protects a machine at another site: the replication exists at once, its first recovery point when the task ends. */
export async function startReplication(
  domain: Domain,
  viewer: Viewer,
  input: StartReplicationInput,
): Promise<{ taskId: string | null; replicationId: string | null }> {
  requireOperator(viewer, 'start replications');
  const settings = parseSettings(input.settings);
  const machineId = input.source.virtualMachine.id;
  const siteId = input.destination.site.id;
  const replicationId = randomUUID();
  const submitted = await submitTask(domain, viewer, {
    kind: 'START_REPLICATION',
    request: { virtualMachineId: machineId, destinationSiteId: siteId, settings },
    options: input,
    entityKey: replicationEntity(replicationId),
    find: (tx) => findEnds(tx, viewer, machineId, siteId),
    prepare: async (tx, { machine, site }) => {
      checkEnds(machine, site);
      await refuseSecond(tx, machine, site);
      const replication = await insertReplication(tx, viewer, replicationId, machine, site.id, settings);
      return { input: { replicationId }, about: aboutReplication(replication) };
    },
  });
  if (!submitted) return { taskId: null, replicationId: null };
  return { taskId: submitted.taskId, replicationId: startedTask.parse(submitted.input).replicationId };
}

/** Makes a recovery point of the source as it is now. */
export async function syncReplication(
  domain: Domain,
  viewer: Viewer,
  input: TaskOptions & { replicationId: string },
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'synchronize replications');
  const submitted = await submitReplicationAction(domain, viewer, {
    action: 'SYNC',
    kind: 'SYNC_REPLICATION',
    replicationId: input.replicationId,
    options: input,
  });
  return { taskId: submitted?.taskId ?? null };
}

/** Ends a replication and removes its recovery points, and its test machine if it has one. A recovered machine stays. */
export async function stopReplication(
  domain: Domain,
  viewer: Viewer,
  input: TaskOptions & { replicationId: string },
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'stop replications');
  const submitted = await submitReplicationAction(domain, viewer, {
    action: 'STOP',
    kind: 'STOP_REPLICATION',
    replicationId: input.replicationId,
    options: input,
  });
  return { taskId: submitted?.taskId ?? null };
}

// Sites before machines, as the inventory locks them. SHARE keeps a site from being removed meanwhile; the machine's own
// lock lets one start of two see what the other made.
async function findEnds(tx: Tx, viewer: Viewer, machineId: string, siteId: string) {
  if (!isId(machineId)) throw noMachine();
  if (!isId(siteId)) throw noSite();
  await tx.$queryRaw`
    SELECT 1 FROM "Site"
    WHERE "id" = ${siteId}::uuid OR "id" = (SELECT "siteId" FROM "VirtualMachine" WHERE "id" = ${machineId}::uuid)
    ORDER BY "id" FOR SHARE`;
  await tx.$queryRaw`SELECT 1 FROM "VirtualMachine" WHERE "id" = ${machineId}::uuid FOR NO KEY UPDATE`;
  const machine = await tx.virtualMachine.findFirst({
    where: { AND: [visibleVirtualMachines(viewer), { id: machineId }] },
    include: { site: true, _count: { select: { disks: true } } },
  });
  if (!machine) throw noMachine();
  const site = await tx.site.findFirst({ where: { AND: [visibleSites(viewer), { id: siteId }] } });
  if (!site) throw noSite();
  return { machine, site };
}

type Ends = Awaited<ReturnType<typeof findEnds>>;

function checkEnds(machine: Ends['machine'], site: Ends['site']): void {
  const source = ['source', 'virtualMachine', 'id'];
  const destination = ['destination', 'site', 'id'];
  const refuse = (path: string[], message: string) => new InvalidInputError([{ path, message }]);
  if (machine.removedAt || machine.site.removedAt) {
    throw refuse(
      source,
      `${machine.name} is no longer found at ${machine.site.name}. Bring it back and run syncInventory.`,
    );
  }
  if (machine.isTest) {
    throw refuse(
      source,
      `${machine.name} was made by a test failover and goes away at its clean-up. Protect another one.`,
    );
  }
  if (machine._count.disks === 0) {
    throw refuse(
      source,
      `${machine.name} has no disks, so there is nothing to replicate. Add one and run syncInventory.`,
    );
  }
  if (site.removedAt) throw refuse(destination, `The site ${site.name} was removed. Choose another one.`);
  if (site.id === machine.siteId) {
    throw refuse(destination, `${machine.name} lies at ${site.name} itself. Choose another site as the destination.`);
  }
  if (site.providerId !== machine.providerId) {
    throw refuse(
      destination,
      `${machine.name} and the site ${site.name} belong to different providers. Choose a site of its own.`,
    );
  }
}

async function refuseSecond(tx: Tx, machine: Ends['machine'], site: Ends['site']): Promise<void> {
  const other = await tx.replication.findFirst({
    where: { virtualMachineId: machine.id, destinationSiteId: site.id, removedAt: null },
    select: { id: true, tasks: { where: { kind: 'START_REPLICATION' }, select: { id: true }, take: 1 } },
  });
  if (!other) return;
  throw new ConflictError(
    `${machine.name} is replicated to ${site.name} already. Use that replication, or stop it first.`,
    other.tasks[0]?.id,
  );
}

function insertReplication(
  tx: Tx,
  viewer: Viewer,
  id: string,
  machine: Ends['machine'],
  destinationSiteId: string,
  settings: ReplicationSettings,
) {
  return tx.replication.create({
    data: {
      id,
      providerId: machine.providerId,
      virtualMachineId: machine.id,
      vmName: machine.name,
      vmDescription: machine.description,
      organizationId: machine.organizationId,
      sourceSiteId: machine.siteId,
      destinationSiteId,
      ownerId: viewer.userId,
      ...settings,
      sourceState: 'IDLE',
      destinationState: 'NEW',
      recoveryState: 'NOT_STARTED',
      dataConnectionState: 'INITIAL_SYNCING',
      overallHealth: 'GREEN',
    },
  });
}

const noMachine = () => new NotFoundError('No virtual machine has this id, or you may not see it.');
const noSite = () => new NotFoundError('No site has this id, or you may not see it.');
