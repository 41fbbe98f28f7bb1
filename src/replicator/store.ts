import { randomUUID } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreProblem } from './catalog.ts';
import { type CheckOptions, type CheckResult, checkStore } from './check.ts';
import type { ConnectionType } from './codec.ts';
import type { StoreContext } from './context.ts';
import { type DurableSteps, flushFolder, remove, renameDurably, writeFileDurably } from './durable.ts';
import { ReplicatorError, systemCode, translated } from './error.ts';
import { makeWrappedKey, openWrappedKey } from './key.ts';
import { checkId, type Geometry, standardGeometry, storeFolders, storeLayout } from './layout.ts';
import type { MachineFolder } from './machine.ts';
import { type InstanceSummary, manifestPath, readManifests, summaryOf } from './manifest.ts';
import { isInside } from './path.ts';
import { type PruneOptions, type PruneResult, pruneStore, removeInstances } from './prune.ts';
import type { ReadProgress } from './reading.ts';
import { type RestoreOptions, restoreInstance } from './restore.ts';
import { entryOf, temporaryFolder } from './site.ts';
import { formatStoreFile, readStoreFile } from './store-file.ts';
import { type SyncOptions, syncInstance } from './sync.ts';
import { type Verification, verifyInstance } from './verify.ts';

/** Which store to open, and how. */
export interface StoreOptions {
  /** The destination site's root. */
  root: string;
  replicationId: string;
  /** 32 bytes; the store's own key is wrapped under it. */
  serviceKey: Uint8Array;
  /** How new blocks are coded; what is in the store keeps its coding. */
  connectionType: ConnectionType;
  /** Make the store when there is none; else that is STORE_NOT_FOUND. */
  create: boolean;
  /** Tests make blocks and packs small. */
  geometry?: Geometry;
  /** Tests stop the process at a durable step. */
  onDurableStep?: DurableSteps;
}

/**
 * The recovery points of one replication. Sync, removal and prune of one store must not run at once (the engine's entity
 * lock sees to that; a paused process that wakes up too late does no harm). Restore and verify may run beside them.
 */
export interface Store {
  /** Copies disks as a new instance; STORE_DAMAGED, SOURCE_CHANGED, SOURCE_MISSING, NO_SPACE, CANCELLED, STORE_BUSY. */
  sync(o: SyncOptions): Promise<InstanceSummary>;
  /** The instances, oldest first; damaged manifests are named as problems. */
  instances(): Promise<{ instances: InstanceSummary[]; problems: StoreProblem[] }>;
  /** Makes a machine of an instance; STORE_DAMAGED, NAME_TAKEN, NO_SPACE, CANCELLED. */
  restore(o: RestoreOptions): Promise<MachineFolder>;
  /** Takes instances out; space is freed by prune. */
  removeInstances(keys: readonly string[]): Promise<void>;
  /** Frees the space of what no instance needs. */
  prune(o?: PruneOptions): Promise<PruneResult>;
  /** Reads and verifies every block of an instance. */
  verify(
    key: string,
    o?: { signal?: AbortSignal | undefined; onProgress?: ((progress: ReadProgress) => void) | undefined },
  ): Promise<Verification>;
  /** Looks at the structure, mends what can be mended, sweeps debris. */
  check(o?: CheckOptions): Promise<CheckResult>;
  /** Deletes the store with all its instances, and closes it. */
  remove(): Promise<void>;
  /** Stops what is running on the store (it ends with CANCELLED) and waits for its end. */
  close(): Promise<void>;
}

/** Opens or makes the store of a replication; STORE_NOT_FOUND, STORE_DAMAGED, KEY_MISMATCH. */
export async function openStore(o: StoreOptions): Promise<Store> {
  const replicationId = checkId('replication', o.replicationId);
  const root = await openRoot(o.root);
  const steps = o.onDurableStep ?? (() => {});
  const folder = await storeFolder(root, replicationId);
  const layout = storeLayout(folder);
  let file = (await entryOf(folder)) === null ? null : await readStoreFile(layout, replicationId);
  if (file === null) {
    if ((await entryOf(folder)) !== null) {
      throw new ReplicatorError('STORE_NOT_FOUND', `${layout.storeFile} and its copy ${layout.storeCopy} are missing.`);
    }
    if (!o.create) {
      throw new ReplicatorError('STORE_NOT_FOUND', `${root} holds no store of the replication ${replicationId}.`);
    }
    await makeStore(root, replicationId, o.serviceKey, steps);
    file = await readStoreFile(layout, replicationId);
  }
  if (file === null)
    throw new ReplicatorError('STORE_NOT_FOUND', `The store ${folder} was removed while it was opened.`);
  const context: StoreContext = {
    replicationId,
    layout,
    keys: openWrappedKey(o.serviceKey, replicationId, file.wrappedKey),
    connectionType: o.connectionType,
    geometry: o.geometry ?? standardGeometry,
    steps,
  };
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  /** Runs an action until it ends, its caller's signal is aborted or the store is closed. */
  async function run<T>(signal: AbortSignal | undefined, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const work = action(signal ? AbortSignal.any([signal, closing.signal]) : closing.signal);
    running.add(work);
    try {
      return await work;
    } finally {
      running.delete(work);
    }
  }

  async function close(): Promise<void> {
    closing.abort();
    // How each ends is told to who started it.
    await Promise.allSettled(running);
  }

  return {
    sync: (options) => run(options.signal, (signal) => syncInstance(context, { ...options, signal })),
    async instances() {
      const { manifests, problems } = await readManifests(layout.instances, context.keys);
      return { instances: manifests.map(summaryOf), problems };
    },
    restore: (options) => run(options.signal, (signal) => restoreInstance(context, { ...options, signal })),
    removeInstances: (keys) => removeInstances(context, keys),
    prune: (options) => run(options?.signal, (signal) => pruneStore(context, { ...options, signal })),
    verify: (key, options) => run(options?.signal, (signal) => verifyInstance(context, key, { ...options, signal })),
    check: (options) => run(options?.signal, (signal) => checkStore(context, { ...options, signal })),
    async remove() {
      await close();
      const grave = join(await temporaryFolder(root), `store-${randomUUID()}`);
      await renameDurably(folder, grave, steps);
      await flushFolder(join(root, '.drgraph', 'stores'), steps);
      await remove(grave, steps);
    },
    close,
  };
}

/** Where the manifest of an instance lies, whether or not it is there. */
export function instanceFile(root: string, replicationId: string, key: string): string {
  const { instances } = storeLayout(join(root, '.drgraph', 'stores', checkId('replication', replicationId)));
  return manifestPath(instances, checkId('instance', key));
}

/** Deletes a replication's store, whatever its state: no key is needed. One that is gone is no error. */
export async function removeStore(o: { root: string; replicationId: string }): Promise<void> {
  const root = await openRoot(o.root);
  const folder = await storeFolder(root, checkId('replication', o.replicationId));
  if ((await entryOf(folder)) === null) return;
  const grave = join(await temporaryFolder(root), `store-${randomUUID()}`);
  await renameDurably(folder, grave);
  await flushFolder(join(root, '.drgraph', 'stores'));
  await remove(grave);
}

async function openRoot(root: string): Promise<string> {
  try {
    return await realpath(root);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new ReplicatorError('SITE_NOT_FOUND', `The site's folder ${root} does not exist.`, { cause: error });
  }
}

async function storeFolder(root: string, replicationId: string): Promise<string> {
  const stores = join(root, '.drgraph', 'stores');
  await translated('make', stores, () => mkdir(stores, { recursive: true, mode: 0o700 }));
  const real = await realpath(join(stores, replicationId)).catch(async (error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    return join(await realpath(stores), replicationId);
  });
  if (isInside(root, real)) return real;
  throw new ReplicatorError(
    'PATH_OUTSIDE_ROOT',
    `${join(stores, replicationId)} leads to ${real}, outside of the site.`,
  );
}

/** Makes a store beside its place and renames it there: a store is whole or not there. */
async function makeStore(root: string, replicationId: string, serviceKey: Uint8Array, steps: DurableSteps) {
  const work = storeLayout(join(await temporaryFolder(root), `new-store-${randomUUID()}`));
  const target = join(root, '.drgraph', 'stores', replicationId);
  await translated('make', target, async () => {
    for (const folder of storeFolders(work)) await mkdir(folder, { recursive: true, mode: 0o700 });
  });
  const content = formatStoreFile({
    format: 1,
    replicationId,
    createdAt: new Date().toISOString(),
    wrappedKey: makeWrappedKey(serviceKey, replicationId).wrapped,
  });
  for (const path of [work.storeFile, work.storeCopy]) {
    await writeFileDurably({ path, temporary: `${path}.tmp`, content, steps });
  }
  try {
    await renameDurably(work.folder, target, steps);
  } catch (error) {
    // Another process was first: its store serves.
    await remove(work.folder, steps);
    if ((await entryOf(target)) === null) throw error;
  }
  await flushFolder(join(root, '.drgraph', 'stores'), steps);
}
