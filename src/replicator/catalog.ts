import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ReplicatorError, systemCode, systemError, translated } from './error.ts';
import { comparePackNames, type StoreLayout } from './layout.ts';
import { entryBytes, indexPath, type PackEntry, readIndex, scanPack } from './pack.ts';
import { type BlockTable, makeBlockTable } from './table.ts';

/** A file of a store that is damaged or missing; `instances` names what it costs, where that is known. */
export interface StoreProblem {
  file: string;
  message: string;
  instances?: string[];
}

/** A pack that can be read. */
export interface Pack {
  name: string;
  path: string;
  bytes: number;
  blocks: number;
}

/** All blocks of a store. */
export interface Catalog {
  packs: Pack[];
  table: BlockTable;
  problems: StoreProblem[];
}

/**
 * Reads the indexes of all packs. A missing or damaged index is replaced by the headers of its pack; a pack that is not as
 * long as its index says contributes what lies within. `room` is for blocks that will be added.
 */
export async function readCatalog(layout: StoreLayout, room: number): Promise<Catalog> {
  const names = (await readNames(layout.packs)).filter((name) => name.endsWith('.pack')).sort(comparePackNames);
  const packs: Pack[] = [];
  const problems: StoreProblem[] = [];
  let table = makeBlockTable((await countEntries(layout, names)) + room);
  let stored = 0;
  for (const name of names) {
    const path = join(layout.packs, name);
    const read = await readPack(path, problems);
    if (read === null) continue;
    const number = packs.push({ name, path, bytes: read.bytes, blocks: read.entries.length }) - 1;
    stored += read.entries.length;
    // Packs without an index were not counted before.
    if ((stored + room) / 0.75 > table.capacity) table = grown(table, stored, room);
    for (const entry of read.entries) {
      table.add(entry.address, { pack: number, offset: entry.offset, bytes: entry.bytes, coding: entry.coding });
    }
  }
  return { packs, table, problems };
}

/** How many blocks the packs hold, from the lengths of their indexes: a table that fits from the start takes half the memory. */
async function countEntries(layout: StoreLayout, packNames: string[]): Promise<number> {
  let bytes = 0;
  for (const name of packNames) bytes += (await sizeOf(indexPath(join(layout.packs, name)))) ?? 0;
  return Math.ceil(bytes / entryBytes);
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw systemError(error, 'look at', path);
  }
}

/** The entries of one pack, from its index or else its headers; null when the pack has been removed meanwhile. */
export async function readPack(
  path: string,
  problems: StoreProblem[],
): Promise<{ entries: PackEntry[]; bytes: number } | null> {
  try {
    const { size } = await stat(path);
    const index = await readIndex(path);
    if (typeof index === 'object') {
      if (index.packBytes === size) return { entries: index.entries, bytes: size };
      problems.push({
        file: path,
        message: `The pack ${basename(path)} has ${size} bytes instead of ${index.packBytes}: it was cut or written to.`,
      });
      return { entries: index.entries.filter((entry) => entry.offset + entry.bytes < size), bytes: size };
    }
    if (index === 'damaged') {
      const file = indexPath(path);
      problems.push({
        file,
        message: `The pack index ${basename(file)} is damaged. Its pack's own headers are used instead.`,
      });
    }
    const scanned = await scanPack(path);
    if (!scanned.whole) {
      problems.push({ file: path, message: `The pack ${basename(path)} breaks off in the middle of a block.` });
    }
    return { entries: scanned.entries, bytes: size };
  } catch (error) {
    const cause = error instanceof ReplicatorError ? error.cause : error;
    if (systemCode(cause) === 'ENOENT') return null;
    throw systemError(error, 'read', path);
  }
}

/** The names in one of the store's folders, sorted. */
export async function readNames(folder: string): Promise<string[]> {
  return (await translated('read', folder, () => readdir(folder))).sort();
}

function grown(table: BlockTable, stored: number, room: number): BlockTable {
  const larger = makeBlockTable(stored * 2 + room);
  const address = new Uint8Array(16);
  const words = new Int32Array(table.buffer);
  for (let slot = 0; slot < table.capacity; slot += 1) {
    const place = table.placeAt(slot);
    if (place === null) continue;
    const view = new DataView(address.buffer);
    for (let word = 0; word < 4; word += 1) view.setInt32(word * 4, words[slot * 7 + word] ?? 0, true);
    larger.add(address, place);
  }
  return larger;
}
