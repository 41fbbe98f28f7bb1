import { basename, join } from 'node:path';
import { readNames } from './catalog.ts';
import type { ConnectionType } from './codec.ts';
import { type DurableSteps, flushFile, remove, renameDurably, writeFileDurably } from './durable.ts';
import type { StoreKeys } from './key.ts';
import { type Geometry, ownerOf, type StoreLayout } from './layout.ts';
import { temporaryPath } from './manifest.ts';
import { createIndexBuilder, indexPath, type PackEntry, scanPack } from './pack.ts';

/** What all actions on an open store share. */
export interface StoreContext {
  replicationId: string;
  layout: StoreLayout;
  keys: StoreKeys;
  /** How new blocks are coded. */
  connectionType: ConnectionType;
  geometry: Geometry;
  steps: DurableSteps;
}

/**
 * Makes a pack that is written to its end part of the store: pack flushed, renamed; index flushed, renamed. The folder
 * is flushed by the caller, before anything refers to the pack. Answers its name.
 */
export async function publishPack(
  { layout, steps }: StoreContext,
  pack: { temporary: string; index: Uint8Array },
): Promise<string> {
  const name = basename(pack.temporary);
  const path = join(layout.packs, name);
  await flushFile(pack.temporary, steps);
  await renameDurably(pack.temporary, path, steps);
  await writeIndex(layout, path, pack.index, steps);
  return name;
}

/** Writes the indexes of packs that have none: their process ended between the two renames. Answers the packs' names. */
export async function adoptPacks({ layout, steps }: StoreContext): Promise<string[]> {
  const names = await readNames(layout.packs);
  const present = new Set(names);
  const orphans = names.filter((name) => name.endsWith('.pack') && !present.has(indexPath(name)));
  for (const name of orphans) {
    const path = join(layout.packs, name);
    const { entries, packBytes } = await scanPack(path);
    await writeIndex(layout, path, indexOf(entries, packBytes), steps);
  }
  return orphans;
}

/** The content of an index with these entries. */
export function indexOf(entries: PackEntry[], packBytes: number): Uint8Array {
  const index = createIndexBuilder();
  for (const entry of entries) index.add(entry);
  return index.finish(packBytes);
}

/** Writes a pack's index whole or not at all. */
export async function writeIndex(layout: StoreLayout, packPath: string, content: Uint8Array, steps: DurableSteps) {
  await writeFileDurably({
    path: indexPath(packPath),
    temporary: temporaryPath(layout, ownerOf(basename(packPath))),
    content,
    steps,
    folderLater: true,
  });
}

/** Removes unfinished files of the tasks that `isDead` names; answers their paths. */
export async function sweepTemporary(
  { layout, steps }: StoreContext,
  isDead: (owner: string) => boolean,
): Promise<string[]> {
  const dead = (await readNames(layout.temporary)).filter((name) => isDead(ownerOf(name)));
  const paths = dead.map((name) => join(layout.temporary, name));
  for (const path of paths) await remove(path, steps);
  return paths;
}
