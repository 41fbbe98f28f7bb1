import { join } from 'node:path';
import { type Catalog, type Pack, readCatalog, readPack, type StoreProblem } from './catalog.ts';
import { addressBytes } from './codec.ts';
import type { StoreContext } from './context.ts';
import { ReplicatorError, throwIfCancelled } from './error.ts';
import { manifestPath, readLeaf, readManifestFile, readManifests } from './manifest.ts';

/** What of a store is in use. */
export interface Marks {
  catalog: Catalog;
  /** Keys of the instances in the store. */
  keys: Set<string>;
  /** Names of the leaves in use. */
  leaves: Set<string>;
  /** One byte for each slot of the catalog's table: 1 when an instance needs the block. */
  slots: Uint8Array;
  problems: StoreProblem[];
  /** Some damage hides what is in use: nothing may be deleted. */
  isBlind: boolean;
}

/** Follows every manifest, and those of removed instances that are being restored, to its leaves and blocks. */
export async function markStore(
  context: StoreContext,
  restoring: readonly string[],
  signal?: AbortSignal,
): Promise<Marks> {
  const { layout, keys } = context;
  const { manifests, problems } = await readManifests(layout.instances, keys);
  let isBlind = problems.length > 0;
  const published = new Set(manifests.map(({ key }) => key));
  for (const key of restoring) {
    const manifest = await readManifestFile(manifestPath(layout.removed, key), keys);
    if (manifest) manifests.push(manifest);
  }
  const catalog = await readCatalog(layout, 0);
  problems.push(...catalog.problems);
  const slots = new Uint8Array(catalog.table.capacity);
  /** What each leaf lacks, so that a leaf of many instances is read once. */
  const leaves = new Map<string, { problem: string | null }>();
  const broken = new Map<string, { message: string; instances: Set<string> }>();
  for (const manifest of manifests) {
    for (const disk of manifest.disks) {
      for (const [index, name] of disk.leaves.entries()) {
        if (name === null) continue;
        throwIfCancelled(signal);
        let leaf = leaves.get(name);
        if (!leaf) {
          leaf = { problem: null };
          leaves.set(name, leaf);
          try {
            const missing = markLeaf(await readLeaf(layout, disk, index), catalog, slots);
            if (missing > 0)
              leaf.problem = `${missing} blocks of the leaf ${name} are in no pack: packs are missing or damaged.`;
          } catch (error) {
            if (!(error instanceof ReplicatorError) || error.code !== 'STORE_DAMAGED') throw error;
            isBlind = true;
            leaf.problem = error.message;
          }
        }
        if (leaf.problem === null) continue;
        const known = broken.get(name) ?? { message: leaf.problem, instances: new Set() };
        known.instances.add(manifest.key);
        broken.set(name, known);
      }
    }
  }
  for (const [name, { message, instances }] of broken) {
    problems.push({ file: join(layout.leaves, name), message, instances: [...instances] });
  }
  return { catalog, keys: published, leaves: new Set(leaves.keys()), slots, problems, isBlind };
}

/** Marks the blocks of a leaf and answers how many of them no pack holds. */
function markLeaf(leaf: Uint8Array | null, { table }: Catalog, slots: Uint8Array): number {
  let missing = 0;
  for (let at = 0; leaf !== null && at < leaf.byteLength; at += addressBytes) {
    const address = leaf.subarray(at, at + addressBytes);
    if (address.every((byte) => byte === 0)) continue;
    const slot = table.find(address);
    if (slot < 0) missing += 1;
    else slots[slot] = 1;
  }
  return missing;
}

/** Bytes in use of each pack, records' headers included, by the pack's number in the catalog. */
export function bytesInUse({ catalog, slots }: Marks, headerBytes: number): Float64Array {
  const used = new Float64Array(catalog.packs.length);
  for (const [slot, mark] of slots.entries()) {
    const place = mark === 1 ? catalog.table.placeAt(slot) : null;
    if (place) used[place.pack] = (used[place.pack] ?? 0) + headerBytes + place.bytes;
  }
  return used;
}

/** Entries of a pack that instances need: those that the table leads to in this very pack. */
export async function entriesInUse(marks: Marks, pack: Pack) {
  const number = marks.catalog.packs.indexOf(pack);
  const read = await readPack(pack.path, []);
  return (read?.entries ?? []).filter((entry) => {
    const slot = marks.catalog.table.find(entry.address);
    const place = slot < 0 ? null : marks.catalog.table.placeAt(slot);
    return marks.slots[slot] === 1 && place?.pack === number && place.offset === entry.offset;
  });
}
