import { readNames } from './catalog.ts';
import { adoptPacks, type StoreContext, sweepTemporary } from './context.ts';
import { DiskCopy } from './disk-copy.ts';
import { flushFolder, remove } from './durable.ts';
import { beginAttempt } from './effort.ts';
import { ReplicatorError, throwIfCancelled } from './error.ts';
import { checkId } from './layout.ts';
import { type DiskFile, type MachineFacts, machineFacts } from './machine.ts';
import {
  type InstanceSummary,
  type Manifest,
  type ManifestDisk,
  manifestPath,
  readManifestFile,
  type SyncCounters,
  summaryOf,
  writeManifest,
} from './manifest.ts';
import { isUnchanged, type SourceState, settledState } from './source.ts';

/** What a sync is asked for. */
export interface SyncOptions {
  /**
   * The task's id, which becomes the instance's key. A sync repeated with the same id goes on: blocks that are durable are
   * not transferred again, and when its manifest is there already it is the answer.
   */
  syncId: string;
  machine: MachineFacts;
  disks: DiskFile[];
  signal?: AbortSignal | undefined;
  onProgress?: ((counters: SyncCounters) => void) | undefined;
  /** Called when only the rename of the manifest is left; when it throws, nothing is published. */
  beforePublish?: (() => Promise<void>) | undefined;
}

/** A disk that is written to in each of so many readings is not going to hold still. */
const maxRounds = 3;
/** Copies the disks into the store as a new instance. */
export async function syncInstance(context: StoreContext, o: SyncOptions): Promise<InstanceSummary> {
  const key = checkId('sync', o.syncId);
  const present = await readManifestFile(manifestPath(context.layout.instances, key), context.keys);
  if (present) return summaryOf(present);
  throwIfCancelled(o.signal);
  await sweepTemporary(context, (owner) => owner === key);
  await adoptPacks(context);
  try {
    return await copyAndPublish(context, o, key);
  } catch (error) {
    // Room first: what is unfinished is of no use to anyone. Durable packs stay for the repetition.
    await sweepTemporary(context, (owner) => owner === key);
    throw error;
  }
}

async function copyAndPublish(context: StoreContext, o: SyncOptions, key: string): Promise<InstanceSummary> {
  const attempt = beginAttempt(key);
  const copy = new DiskCopy(context, o, key, attempt.packPrefix);
  const { disks, createdAt } = await copyUnchanged(copy, o);
  await flushFolder(context.layout.packs, context.steps);
  await flushFolder(context.layout.leaves, context.steps);
  throwIfCancelled(o.signal);
  const manifest: Manifest = {
    format: 1,
    key,
    createdAt: createdAt.toISOString(),
    ...(await attempt.effort(context)),
    counters: copy.counters,
    machine: machineFacts(o.machine),
    disks,
  };
  await writeManifest({
    layout: context.layout,
    manifest,
    keys: context.keys,
    owner: key,
    steps: context.steps,
    beforePublish: async () => {
      await o.beforePublish?.();
      throwIfCancelled(o.signal);
    },
  });
  await checkStillThere(context, manifest, copy.reliesOn);
  return summaryOf(manifest);
}

/** Reads disks until none was written to while all were read; the copy is of the time when the last round began. */
async function copyUnchanged(copy: DiskCopy, o: SyncOptions): Promise<{ disks: ManifestDisk[]; createdAt: Date }> {
  const done = new Map<DiskFile, { state: SourceState; disk: ManifestDisk }>();
  for (let round = 1; ; round += 1) {
    const states = new Map<DiskFile, SourceState>();
    for (const disk of o.disks) {
      if (!done.has(disk)) states.set(disk, await settledState(disk.path, o.signal));
    }
    const createdAt = new Date();
    const copied = await copy.copyDisks(states);
    for (const [disk, state] of states) {
      const plan = copied.get(disk);
      if (plan) done.set(disk, { state, disk: plan });
    }
    for (const [disk, { state }] of done) {
      if (!(await isUnchanged(state))) done.delete(disk);
    }
    const changed = o.disks.filter((disk) => !done.has(disk));
    if (changed.length === 0) {
      return { disks: o.disks.flatMap((disk) => done.get(disk)?.disk ?? []), createdAt };
    }
    if (round === maxRounds) {
      throw new ReplicatorError(
        'SOURCE_CHANGED',
        `${changed.map((disk) => disk.path).join(', ')} was written to in each of ${maxRounds} readings, so no copy of one moment could be made. Stop the writer or take a snapshot, then sync again.`,
      );
    }
  }
}

/**
 * Another process may have pruned what this sync relied on (one that was paused past its lease). Prune moves packs away
 * first and reads the manifests afterwards, this publishes first and looks for the packs afterwards: one of
 * the two always sees the other.
 */
async function checkStillThere(context: StoreContext, manifest: Manifest, packs: ReadonlySet<string>): Promise<void> {
  const { layout, steps } = context;
  const present = new Set([...(await readNames(layout.packs)), ...(await readNames(layout.leaves))]);
  const leaves = manifest.disks.flatMap((disk) => disk.leaves.filter((leaf) => leaf !== null));
  if ([...packs, ...leaves].every((name) => present.has(name))) return;
  await remove(manifestPath(layout.instances, manifest.key), steps);
  await flushFolder(layout.instances, steps);
  throw new ReplicatorError(
    'STORE_BUSY',
    `The store ${layout.folder} was pruned by another process while this sync wrote to it. Run the sync again.`,
  );
}
