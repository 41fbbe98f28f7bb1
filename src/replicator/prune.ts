import { join } from 'node:path';
import { type Pack, readNames } from './catalog.ts';
import { type StoreContext, sweepTemporary } from './context.ts';
import { flushFolder, remove, renameDurably } from './durable.ts';
import { ReplicatorError, systemCode, throwIfCancelled } from './error.ts';
import { ownerOf, repackOwner } from './layout.ts';
import { manifestPath } from './manifest.ts';
import { bytesInUse, type Marks, markStore } from './mark.ts';
import { indexPath, recordHeaderBytes } from './pack.ts';
import { repackBlocks } from './repack.ts';

/** What a prune must leave alone, and how it is stopped. */
export interface PruneOptions {
  /** Keys of removed instances that are still being restored. */
  restoring?: readonly string[] | undefined;
  /** Keys of the instances that should be there: while one's manifest is missing, nothing is pruned. */
  expected?: readonly string[] | undefined;
  /** Tasks that will go on: the packs of their unfinished syncs stay. */
  liveSyncIds?: ReadonlySet<string> | undefined;
  signal?: AbortSignal | undefined;
}

/** What a prune did. */
export interface PruneResult {
  removedPacks: number;
  repackedPacks: number;
  removedLeaves: number;
  freedBytes: number;
}

/** Packs smaller than this share of a full one are joined, when there are many: each short sync leaves up to two. */
const smallShare = 1 / 8;
const manySmallPacks = 16;

/** Takes instances out. Their blocks go with the next prune; a manifest that is gone already is no error. */
export async function removeInstances(context: StoreContext, keys: readonly string[]): Promise<void> {
  const { layout, steps } = context;
  const present = new Set(await readNames(layout.instances));
  for (const key of new Set(keys)) {
    if (!present.has(`${key}.json`)) continue;
    await renameDurably(manifestPath(layout.instances, key), manifestPath(layout.removed, key), steps);
  }
  await flushFolder(layout.removed, steps);
  await flushFolder(layout.instances, steps);
}

/** Deletes what no instance needs and writes packs less than half in use anew. */
export async function pruneStore(context: StoreContext, o: PruneOptions): Promise<PruneResult> {
  await emptyTrash(context);
  await sweepTemporary(context, (owner) => owner === repackOwner);
  await dropRemoved(context, o.restoring ?? []);
  const marks = await markStore(context, o.restoring ?? [], o.signal);
  const missing = o.expected?.filter((key) => !marks.keys.has(key)) ?? [];
  if (missing.length > 0 && !marks.isBlind) {
    const paths = missing.map((key) => manifestPath(context.layout.instances, key)).join(', ');
    throw new ReplicatorError(
      'STORE_DAMAGED',
      `The store ${context.layout.folder} was not pruned, because ${paths} is missing. Put it back, and the next prune frees the space.`,
    );
  }
  if (marks.isBlind) {
    throw new ReplicatorError(
      'STORE_DAMAGED',
      `The store ${context.layout.folder} was not pruned, because damage hides what is in use: ${marks.problems.map((problem) => problem.message).join(' ')} Remove the damaged instances first.`,
    );
  }
  throwIfCancelled(o.signal);
  const { dead, sparse } = sortPacks(context, marks, o.liveSyncIds ?? new Set());
  const moved = await repackBlocks(context, marks, sparse, o.signal);
  const leaves = await unusedLeaves(context, marks);
  await flushFolder(context.layout.packs, context.steps);
  const packs = [...dead, ...moved.emptied];
  if (!(await deleteUnlessNeeded(context, marks.keys, packs, leaves))) {
    return { removedPacks: 0, repackedPacks: 0, removedLeaves: 0, freedBytes: 0 };
  }
  return {
    removedPacks: dead.length,
    repackedPacks: moved.emptied.length,
    removedLeaves: leaves.length,
    freedBytes: packs.reduce((sum, pack) => sum + pack.bytes, 0) - moved.writtenBytes,
  };
}

/** Removes unused packs and leaves, without writing packs anew. Answers the removed names; nothing when it cannot see. */
export async function sweepUnused(context: StoreContext, marks: Marks): Promise<string[]> {
  if (marks.isBlind) return [];
  const { dead } = sortPacks(context, marks, new Set());
  const leaves = await unusedLeaves(context, marks);
  if (!(await deleteUnlessNeeded(context, marks.keys, dead, leaves))) return [];
  return [...dead.map((pack) => pack.name), ...leaves];
}

/** Puts back what an interrupted prune had moved away: whether it is needed is decided anew. */
export async function emptyTrash({ layout, steps }: StoreContext): Promise<void> {
  for (const name of await readNames(layout.trash)) {
    const isPack = name.endsWith('.pack') || name.endsWith('.index');
    await renameDurably(join(layout.trash, name), join(isPack ? layout.packs : layout.leaves, name), steps).catch(
      (error: unknown) => {
        // Whoever moved it there has just deleted it: it was needed by nothing.
        if (!(error instanceof ReplicatorError) || systemCode(error.cause) !== 'ENOENT') throw error;
      },
    );
  }
  await flushFolder(layout.packs, steps);
  await flushFolder(layout.leaves, steps);
}

/** Deletes the manifests of removed instances, but of those being restored, and indexes whose pack is gone. */
export async function dropRemoved({ layout, steps }: StoreContext, restoring: readonly string[]): Promise<void> {
  const kept = new Set(restoring.map((key) => `${key}.json`));
  for (const name of await readNames(layout.removed)) {
    if (!kept.has(name)) await remove(join(layout.removed, name), steps);
  }
  await flushFolder(layout.removed, steps);
  const names = await readNames(layout.packs);
  const indexes = new Set(names.filter((name) => name.endsWith('.pack')).map(indexPath));
  for (const name of names) {
    if (name.endsWith('.index') && !indexes.has(name)) await remove(join(layout.packs, name), steps);
  }
}

function sortPacks({ geometry }: StoreContext, marks: Marks, liveSyncIds: ReadonlySet<string>) {
  const used = bytesInUse(marks, recordHeaderBytes);
  const dead: Pack[] = [];
  const sparse: Pack[] = [];
  const small: Pack[] = [];
  for (const [number, pack] of marks.catalog.packs.entries()) {
    const bytes = used[number] ?? 0;
    if (liveSyncIds.has(ownerOf(pack.name))) continue;
    if (bytes === 0) dead.push(pack);
    else if (bytes < pack.bytes / 2) sparse.push(pack);
    else if (pack.bytes < geometry.packBytes * smallShare) small.push(pack);
  }
  if (small.length >= manySmallPacks) sparse.push(...small);
  return { dead, sparse };
}

async function unusedLeaves({ layout }: StoreContext, marks: Marks): Promise<string[]> {
  return (await readNames(layout.leaves)).filter((name) => !marks.leaves.has(name));
}

/**
 * Moves packs and leaves to the trash, then looks for manifests that appeared since they were marked. Only a process that
 * was paused past its lease can bring that about; then all is put back. (The sync looks the other way round: sync.ts.)
 */
async function deleteUnlessNeeded(
  context: StoreContext,
  markedKeys: ReadonlySet<string>,
  packs: Pack[],
  leaves: string[],
): Promise<boolean> {
  const { layout, steps } = context;
  const files = [
    ...packs.flatMap(({ name }) => [join(layout.packs, name), indexPath(join(layout.packs, name))]),
    ...leaves.map((name) => join(layout.leaves, name)),
  ];
  const present = new Set([...(await readNames(layout.packs)), ...(await readNames(layout.leaves))]);
  const names = files.map((path) => path.slice(path.lastIndexOf('/') + 1));
  for (const [index, path] of files.entries()) {
    const name = names[index] ?? '';
    if (present.has(name)) await renameDurably(path, join(layout.trash, name), steps);
  }
  const now = await readNames(layout.instances);
  if (now.some((name) => !markedKeys.has(name.replace(/\.json$/, '')))) {
    await emptyTrash(context);
    return false;
  }
  await flushFolder(layout.trash, steps);
  for (const name of await readNames(layout.trash)) await remove(join(layout.trash, name), steps);
  return true;
}
