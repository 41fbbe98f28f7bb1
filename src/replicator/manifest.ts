import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readNames, type StoreProblem } from './catalog.ts';
import { addressBytes } from './codec.ts';
import { type DurableSteps, flushFolder, renameDurably, writeFileDurably } from './durable.ts';
import { ReplicatorError, systemCode, systemError } from './error.ts';
import type { StoreKeys } from './key.ts';
import { idPattern, maxBlockBytes, type StoreLayout } from './layout.ts';
import { type MachineFacts, machineFactsSchema } from './machine.ts';
import { isPlainPath } from './path.ts';

const countersSchema = z.object({
  checksumTotalBytes: z.int().min(0),
  checksumComparedBytes: z.int().min(0),
  bytesToTransfer: z.int().min(0),
  bytesTransferred: z.int().min(0),
});

/** A sync's counters as VCDA names them, in bytes of the disks. They only grow. */
export type SyncCounters = z.infer<typeof countersSchema>;

const diskSchema = z.object({
  key: z.int().min(0),
  file: z.string().refine(isPlainPath),
  sizeBytes: z.int().min(0),
  blockBytes: z.int().min(512).max(maxBlockBytes),
  leafBlocks: z.int().min(1).max(65_536),
  /** The sha256 of each leaf, in order; null where all its blocks are zero. */
  leaves: z.array(
    z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
  ),
});

const manifestSchema = z.object({
  format: z.literal(1),
  key: z.string().regex(idPattern),
  createdAt: z.iso.datetime(),
  /** Bytes that were written to packs for this instance, by all attempts of its sync; `counters` are the last one's. */
  transferBytes: z.int().min(0),
  transferSeconds: z.number().min(0),
  counters: countersSchema,
  machine: machineFactsSchema,
  disks: z.array(diskSchema),
});

/** What a recovery point consists of: the machine's facts and, for each disk, its leaves. */
export type Manifest = z.infer<typeof manifestSchema>;
/** A disk in a manifest. */
export type ManifestDisk = z.infer<typeof diskSchema>;

/** A recovery point as it is listed. */
export interface InstanceSummary {
  key: string;
  /** The time that the copy is of: when its last complete reading began. */
  createdAt: Date;
  sizeBytes: number;
  transferBytes: number;
  transferSeconds: number;
  counters: SyncCounters;
  machine: MachineFacts;
  disks: { key: number; file: string; sizeBytes: number }[];
}

/** A manifest's summary. */
export function summaryOf(manifest: Manifest): InstanceSummary {
  return {
    key: manifest.key,
    createdAt: new Date(manifest.createdAt),
    sizeBytes: manifest.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    transferBytes: manifest.transferBytes,
    transferSeconds: manifest.transferSeconds,
    counters: manifest.counters,
    machine: manifest.machine,
    disks: manifest.disks.map(({ key, file, sizeBytes }) => ({ key, file, sizeBytes })),
  };
}

/** The file of an instance's manifest. */
export function manifestPath(folder: string, key: string): string {
  return join(folder, `${key}.json`);
}

/**
 * Publishes a manifest: two lines, the JSON and its seal (HMAC-SHA256 under the store's key). The manifest names
 * its leaves by hash, they name the blocks: the seal covers every byte of the instance. `beforePublish` is called when
 * all is on the disk and only the rename is left.
 */
export async function writeManifest(o: {
  layout: StoreLayout;
  manifest: Manifest;
  keys: StoreKeys;
  owner: string;
  steps: DurableSteps;
  beforePublish: () => Promise<void>;
}): Promise<void> {
  const body = JSON.stringify(o.manifest);
  const temporary = temporaryPath(o.layout, o.owner);
  const ready = temporaryPath(o.layout, o.owner);
  await writeFileDurably({
    path: ready,
    temporary,
    content: Buffer.from(`${body}\n${sealOf(body, o.keys)}\n`),
    steps: o.steps,
    folderLater: true,
  });
  await o.beforePublish();
  await renameDurably(ready, manifestPath(o.layout.instances, o.manifest.key), o.steps);
  await flushFolder(o.layout.instances, o.steps);
}

/** Reads a manifest, from among the removed ones too when it is still being restored. */
export async function readManifest(layout: StoreLayout, key: string, keys: StoreKeys): Promise<Manifest> {
  for (const folder of [layout.instances, layout.removed]) {
    const manifest = await readManifestFile(manifestPath(folder, key), keys);
    if (manifest) return manifest;
  }
  throw new ReplicatorError('INSTANCE_NOT_FOUND', `The store ${layout.folder} holds no instance "${key}".`);
}

/** The manifest in a file; null when there is no such file; STORE_DAMAGED when it is not what was written. */
export async function readManifestFile(path: string, keys: StoreKeys): Promise<Manifest | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw systemError(error, 'read', path);
  }
  const damaged = (cause?: unknown) =>
    new ReplicatorError(
      'STORE_DAMAGED',
      `The manifest ${basename(path)} is damaged: its seal does not fit. This instance cannot be restored; the others can.`,
      { cause },
    );
  const [body = '', seal = '', rest] = text.split('\n');
  const expected = Buffer.from(sealOf(body, keys));
  const found = Buffer.from(seal);
  if (rest !== '' || found.byteLength !== expected.byteLength || !timingSafeEqual(found, expected)) throw damaged();
  const parsed = manifestSchema.safeParse(JSON.parse(body));
  if (!parsed.success) throw damaged(parsed.error);
  // A manifest copied to another name would be another instance.
  if (`${parsed.data.key}.json` !== basename(path)) throw damaged();
  return parsed.data;
}

/** All manifests of a folder that can be read, and a problem for each that cannot. */
export async function readManifests(
  folder: string,
  keys: StoreKeys,
): Promise<{ manifests: Manifest[]; problems: StoreProblem[] }> {
  const manifests: Manifest[] = [];
  const problems: StoreProblem[] = [];
  for (const name of await readNames(folder)) {
    const path = join(folder, name);
    try {
      const manifest = await readManifestFile(path, keys);
      if (manifest) manifests.push(manifest);
    } catch (error) {
      if (!(error instanceof ReplicatorError) || error.code !== 'STORE_DAMAGED') throw error;
      problems.push({ file: path, message: error.message, instances: [name.replace(/\.json$/, '')] });
    }
  }
  manifests.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
  return { manifests, problems };
}

/**
 * Stores a leaf under its hash and answers the hash; null for a leaf of zero blocks only. A leaf that is there with the
 * right bytes costs a read; with wrong ones it is written again, which heals what refers to it.
 */
export async function writeLeaf(o: {
  layout: StoreLayout;
  addresses: Uint8Array;
  owner: string;
  steps: DurableSteps;
}): Promise<string | null> {
  if (o.addresses.every((byte) => byte === 0)) return null;
  const name = hash('sha256', o.addresses);
  const path = join(o.layout.leaves, name);
  const present = await readFile(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw systemError(error, 'read', path);
  });
  if (present?.equals(o.addresses)) return name;
  await writeFileDurably({
    path,
    temporary: temporaryPath(o.layout, o.owner),
    content: o.addresses,
    steps: o.steps,
    folderLater: true,
  });
  return name;
}

/** The addresses of a leaf, verified; null for a leaf of zero blocks only. */
export async function readLeaf(layout: StoreLayout, disk: ManifestDisk, index: number): Promise<Buffer | null> {
  const name = disk.leaves[index];
  if (name === null || name === undefined) return null;
  const path = join(layout.leaves, name);
  const damaged = (why: string, cause?: unknown) =>
    new ReplicatorError('STORE_DAMAGED', `The leaf ${name} (${disk.file}, part ${index}) ${why}.`, { cause });
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw damaged('is missing', error);
    throw systemError(error, 'read', path);
  }
  if (hash('sha256', content) !== name) throw damaged('is damaged: it does not hash to its name');
  if (content.byteLength !== leafBlockCount(disk, index) * addressBytes) throw damaged('has the wrong length');
  return content;
}

/** Blocks of a disk's leaf: fewer in the last one. */
export function leafBlockCount(disk: { sizeBytes: number; blockBytes: number; leafBlocks: number }, index: number) {
  const blocks = Math.ceil(disk.sizeBytes / disk.blockBytes);
  return Math.max(0, Math.min(disk.leafBlocks, blocks - index * disk.leafBlocks));
}

/** A new temporary name that carries its task's id. */
export function temporaryPath(layout: StoreLayout, owner: string): string {
  return join(layout.temporary, `${owner}.${randomBytes(6).toString('hex')}`);
}

function sealOf(body: string, keys: StoreKeys): string {
  return createHmac('sha256', keys.seal).update(body).digest('hex');
}
