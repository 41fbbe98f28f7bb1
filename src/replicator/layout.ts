import { join } from 'node:path';
import { ReplicatorError } from './error.ts';

/**
 * Where the files of a store lie, below `<root>/.drgraph/stores/<replicationId>/`:
 *
 *   store.json, store.copy.json   format, connection type, the wrapped key; twice, because without it all is lost
 *   packs/<syncId>.<hex>.pack     coded blocks, one after the other, each with a header
 *   packs/<same name>.index       where in the pack which block lies
 *   leaves/<sha256>               the addresses of a run of blocks of a disk
 *   instances/<key>.json          the manifests
 *   removed/<key>.json            manifests taken out, until the next prune
 *   tmp/<taskId>.<random>         what is not finished; it carries its task's id so that it can be swept
 *   trash/                        packs that a prune is about to delete
 */
export interface StoreLayout {
  readonly folder: string;
  readonly storeFile: string;
  readonly storeCopy: string;
  readonly packs: string;
  readonly leaves: string;
  readonly instances: string;
  readonly removed: string;
  readonly temporary: string;
  readonly trash: string;
}

/** The places of a store's files, by its folder. */
export function storeLayout(folder: string): StoreLayout {
  return {
    folder,
    storeFile: join(folder, 'store.json'),
    storeCopy: join(folder, 'store.copy.json'),
    packs: join(folder, 'packs'),
    leaves: join(folder, 'leaves'),
    instances: join(folder, 'instances'),
    removed: join(folder, 'removed'),
    temporary: join(folder, 'tmp'),
    trash: join(folder, 'trash'),
  };
}

/** The folders of a store. */
export function storeFolders(layout: StoreLayout): string[] {
  return [layout.packs, layout.leaves, layout.instances, layout.removed, layout.temporary, layout.trash];
}

/** Sizes of a store's parts. Tests make them small to see many blocks, leaves and packs in little data. */
export interface Geometry {
  /** Bytes of a block; null: 256 KiB, and 1 MiB for a disk above 2 TiB, whose leaves would be too many. */
  blockBytes: number | null;
  /** Blocks of a leaf: 1,024 addresses are 32 KiB, for 256 MiB of disk. */
  leafBlocks: number;
  /** A pack is finished when it has grown to this. */
  packBytes: number;
}

/** The sizes that stores have outside of tests. */
export const standardGeometry: Geometry = { blockBytes: null, leafBlocks: 1024, packBytes: 64 * 2 ** 20 };

/** The largest block that any store has. */
export const maxBlockBytes = 2 ** 20;

/** The bytes of a block of a disk of this size. */
export function blockBytesFor(geometry: Geometry, diskBytes: number): number {
  return geometry.blockBytes ?? (diskBytes > 2 * 2 ** 40 ? maxBlockBytes : 256 * 2 ** 10);
}

/** Ids that become part of a file's name: replications, tasks, instances. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** Refuses an id that could not be a file's name. */
export function checkId(kind: string, id: string): string {
  if (idPattern.test(id) && id !== repackOwner) return id;
  throw new ReplicatorError(
    'INVALID_ARGUMENT',
    `"${id}" cannot be the id of a ${kind}: 1 to 100 letters, digits, "-" and "_" are allowed, but not "${repackOwner}".`,
  );
}

/** The task's id that a temporary file or a pack carries in its name. */
export function ownerOf(fileName: string): string {
  return fileName.slice(0, Math.max(0, fileName.indexOf('.')));
}

/** The owner in the names of packs that a prune writes. No task is called so; its debris is nobody's. */
export const repackOwner = 'prune';

/**
 * The order in which packs are looked through: those that a prune wrote first, the latest of them before the others
 * (their names carry the time). After an interrupted prune a block may lie in two packs; the copy counts, the old is dead.
 */
export function comparePackNames(a: string, b: string): number {
  const isCopy = (name: string) => ownerOf(name) === repackOwner;
  if (isCopy(a) !== isCopy(b)) return isCopy(a) ? -1 : 1;
  return a < b ? 1 : -1;
}
