import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { remove } from '../../replicator/durable.ts';
import { ReplicatorError } from '../../replicator/error.ts';
import type { MachineFolder } from '../../replicator/machine.ts';
import type { InstanceSummary } from '../../replicator/manifest.ts';
import { entryOf, machineFolderPath, openSite, temporaryFolder } from '../../replicator/site.ts';
import { instanceFile, openStore, removeStore, type Store, type StoreOptions } from '../../replicator/store.ts';
import {
  type Connector,
  ConnectorError,
  type InstanceKeeping,
  type InstanceList,
  type InstanceReport,
  type MachineReport,
  type Recovery,
  type ReplicationAddress,
  type SiteAddress,
  type SiteFolders,
  type Work,
} from '../connector.ts';
import { translated } from './failure.ts';

/** What the LOCAL connector needs to know of the service. */
export interface LocalOptions {
  /** 32 bytes: the keys of all stores are wrapped under it. */
  serviceKey: Uint8Array;
  /** Tests make blocks small and stop processes at durable steps. */
  store?: Pick<StoreOptions, 'geometry' | 'onDurableStep'>;
}

/** drgraph's own engine: machines are folders of disk images, and a destination holds a store for each replication. */
export function createLocalConnector(options: LocalOptions): Connector {
  return {
    kind: 'LOCAL',
    capabilities: ['SYNC', 'TEST_FAILOVER', 'CLEAN_UP_TEST_FAILOVER', 'FAILOVER', 'STOP'],
    start: (replication, work) => translated(() => copy(options, replication, work, true)),
    sync: (replication, work) => translated(() => copy(options, replication, work, false)),
    testFailover: (replication, recovery, work) => translated(() => recover(options, replication, recovery, work)),
    failover: (replication, recovery, work) => translated(() => recover(options, replication, recovery, work)),
    cleanUp: (replication, machine, work) => translated(() => removeMachine(replication, machine, work)),
    stop: (replication, work) =>
      translated(async () => {
        await work.check();
        await removeStore({ root: rootOf(replication.destination), replicationId: replication.id });
      }),
    readInventory: (site) =>
      translated(async () => {
        const { machines, problems } = await (await openSite(rootOf(site))).readMachines();
        return { machines: machines.map(machineReport), problems };
      }),
    instances: keeping(options),
    folders,
  };
}

async function copy(
  options: LocalOptions,
  replication: ReplicationAddress,
  work: Work,
  create: boolean,
): Promise<InstanceReport> {
  const site = await openSite(rootOf(replication.source));
  const machine = await site.readMachine(replication.machine.nativeId);
  const disks = machine.disks.filter((disk) => !replication.excludedDiskKeys.includes(disk.key));
  if (disks.length === 0) {
    throw new ConnectorError(
      'REJECTED',
      'NO_DISKS',
      `${machine.name} at ${replication.source.name} has no disk to copy. Give it one, then run syncInventory and sync again.`,
    );
  }
  await work.check();
  return withStore(options, replication, create, async (store) =>
    instanceReport(
      await store.sync({
        syncId: work.idempotencyKey,
        machine,
        disks,
        signal: work.signal,
        onProgress: (counters) => work.report({ phase: 'SYNC', counters }),
        beforePublish: () => work.check(),
      }),
    ),
  );
}

// Nothing here looks at the source: it may be gone, and that is when a failover is wanted.
async function recover(
  options: LocalOptions,
  replication: ReplicationAddress,
  recovery: Recovery,
  work: Work,
): Promise<MachineReport> {
  const site = await openSite(rootOf(replication.destination));
  await work.check();
  return withStore(options, replication, false, (store) =>
    restored(() =>
      store.restore({
        key: recovery.instanceKey,
        restoreId: work.idempotencyKey,
        targetFolder: machineFolderPath(site.path, recovery.machineName),
        machine: {
          id: work.idempotencyKey,
          name: recovery.machineName,
          powerState: recovery.powerOn ? 'POWERED_ON' : 'POWERED_OFF',
        },
        signal: work.signal,
        onProgress: ({ bytesDone, bytesTotal }) => work.report({ phase: 'RESTORE', bytesDone, bytesTotal }),
        beforePublish: () => work.check(),
      }),
    ),
  );
}

/** Damage is told with what to do: the replicator knows the file only. */
async function restored(restore: () => Promise<MachineFolder>): Promise<MachineReport> {
  try {
    return machineReport(await restore());
  } catch (error) {
    if (!(error instanceof ReplicatorError) || error.code !== 'STORE_DAMAGED') throw error;
    const advice = 'Bring the file back from a copy of the store, or use another recovery point.';
    throw new ReplicatorError(error.code, `${error.message} ${advice}`, { cause: error });
  }
}

async function removeMachine(
  replication: ReplicationAddress,
  wanted: { nativeId: string; name: string },
  work: Work,
): Promise<void> {
  const site = await openSite(rootOf(replication.destination));
  const { machines, problems } = await site.readMachines();
  const machine = machines.find((candidate) => candidate.nativeId === wanted.nativeId);
  if (!machine) {
    const folder = machineFolderPath(site.path, wanted.name);
    const problem = problems.find(({ path }) => path === folder);
    if (!problem) return;
    throw new ConnectorError('REJECTED', 'MACHINE_INVALID', `${problem.message} Mend it, or remove ${folder} by hand.`);
  }
  // The only machines that drgraph ever deletes are those that it made itself for this replication.
  if (machine.folder === null || machine.origin?.replicationId !== replication.id) {
    throw new ConnectorError(
      'CONFLICT',
      'NOT_OURS',
      `${machine.folder ?? machine.name} does not say in its vm.json that this replication made it, so it is not deleted. Remove it by hand.`,
    );
  }
  await work.check();
  await site.removeMachine(basename(machine.folder));
}

function keeping(options: LocalOptions): InstanceKeeping {
  return {
    inspect: (replication, inspection) =>
      translated(() =>
        withStore(options, replication, false, async (store) => {
          const { problems } = await store.check(inspection);
          const { instances } = await store.instances();
          return {
            instances: instances.map(instanceReport),
            problems: problems.flatMap(({ message, instances: costs }) => problemsOf(message, costs)),
          };
        }),
      ),
    remove: (replication, keys, work) =>
      translated(() =>
        withStore(options, replication, false, async (store) => {
          await store.removeInstances(keys);
          await store.prune({ signal: work.signal, expected: work.expected });
        }),
      ),
    fileOf: ({ id, destination }, key) => instanceFile(rootOf(destination), id, key),
  };
}

function problemsOf(message: string, costs: readonly string[] | undefined): InstanceList['problems'] {
  if (!costs || costs.length === 0) return [{ instanceKey: null, message }];
  return costs.map((instanceKey) => ({ instanceKey, message }));
}

const folders: SiteFolders = {
  inspect: (path) => translated(async () => ({ path: (await openSite(path)).path })),
  isNameTaken: (site, machineName) =>
    translated(async () => {
      const { path } = await openSite(rootOf(site));
      return (await entryOf(machineFolderPath(path, machineName))) !== null;
    }),
  listDebris: (site) =>
    translated(async () => {
      const { path } = await openSite(rootOf(site));
      return readdir(await temporaryFolder(path));
    }),
  removeDebris: (site, names) =>
    translated(async () => {
      const folder = await temporaryFolder((await openSite(rootOf(site))).path);
      for (const name of names) await remove(join(folder, basename(name)));
    }),
};

async function withStore<Result>(
  options: LocalOptions,
  replication: ReplicationAddress,
  create: boolean,
  work: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openStore({
    ...options.store,
    root: rootOf(replication.destination),
    replicationId: replication.id,
    serviceKey: options.serviceKey,
    connectionType: replication.dataConnectionType,
    create,
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function rootOf(site: SiteAddress): string {
  if (site.path !== null) return site.path;
  throw new ConnectorError('NOT_FOUND', 'SITE_UNREACHABLE', `The site ${site.name} has no folder. Register it again.`);
}

function machineReport(machine: MachineFolder): MachineReport {
  const { nativeId, name, description, organization, powerState, cpus, coresPerSocket, memoryMb, nics } = machine;
  return {
    nativeId,
    name,
    description,
    organization,
    powerState,
    nativePowerState: null,
    cpus,
    coresPerSocket,
    memoryMb,
    nics,
    disks: machine.disks.map(({ key, file, sizeBytes }) => ({ key, file, sizeBytes })),
    madeBy: machine.origin && {
      replicationId: machine.origin.replicationId,
      instanceKey: machine.origin.instanceKey,
      idempotencyKey: machine.origin.restoreId,
    },
  };
}

function instanceReport(instance: InstanceSummary): InstanceReport {
  const { key, createdAt, sizeBytes, transferBytes, transferSeconds } = instance;
  return {
    key,
    createdAt,
    sizeBytes,
    transferBytes,
    transferSeconds,
    // Images are copied from outside of the guest.
    quiescedType: 'UNQUIESCED',
    disks: instance.disks.map((disk) => ({ ...disk, sha256: null })),
  };
}
