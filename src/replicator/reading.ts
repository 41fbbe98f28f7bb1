import { join } from 'node:path';
import { type Pack, readCatalog } from './catalog.ts';
import { addressBytes } from './codec.ts';
import type { StoreContext } from './context.ts';
import { ReplicatorError, throwIfCancelled } from './error.ts';
import { createLane } from './lane.ts';
import { leafBlockCount, type Manifest, type ManifestDisk, readLeaf } from './manifest.ts';
import { PackGoneError } from './pack.ts';
import { type ThreadSession, threads } from './pool.ts';
import type { BlockRun } from './protocol.ts';

/** Bytes of a disk that one message to a thread asks for. */
const runBytes = 4 * 2 ** 20;
/** How often packs may be moved by a prune while an instance is read. */
const maxReopenings = 8;

/** Damage found in an instance. `offset` is the place in the damaged file, `firstByte` and `bytes` the range of the disk. */
export interface InstanceProblem {
  file: string;
  offset: number | null;
  disk: string;
  firstByte: number;
  bytes: number;
  message: string;
}

/** Progress of a restore or a verification, in bytes of the disks. */
export interface ReadProgress {
  bytesDone: number;
  bytesTotal: number;
}

/**
 * Reads every block of an instance and verifies it; writes it to the disk's output where there is one. Without
 * `onProblem` the first damage ends the reading with STORE_DAMAGED; with it, all are told and the reading goes on.
 */
export async function readInstance(
  context: StoreContext,
  manifest: Manifest,
  o: {
    outputOf: (disk: ManifestDisk) => string | null;
    signal?: AbortSignal | undefined;
    onProgress?: ((progress: ReadProgress) => void) | undefined;
    onProblem?: (problem: InstanceProblem) => void;
  },
): Promise<void> {
  const bytesTotal = manifest.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  let bytesDone = 0;
  const advance = (bytes: number) => {
    bytesDone += bytes;
    o.onProgress?.({ bytesDone, bytesTotal });
  };
  throwIfCancelled(o.signal);
  await using reader = await openReader(context, o.signal);
  const lane = createLane(reader.width, () => reader.cancel());
  try {
    for (const disk of manifest.disks) {
      for (let leaf = 0; leaf * disk.leafBlocks * disk.blockBytes < disk.sizeBytes; leaf += 1) {
        const first = leaf * disk.leafBlocks;
        const count = leafBlockCount(disk, leaf);
        const addresses = await leafOrProblem(context, disk, leaf, o.onProblem);
        if (addresses === null) {
          advance(bytesOf({ ...disk, firstBlock: first, blocks: count }));
          continue;
        }
        const step = Math.max(1, Math.floor(runBytes / disk.blockBytes));
        for (let at = 0; at < count; at += step) {
          const run = {
            firstBlock: first + at,
            blocks: Math.min(step, count - at),
            blockBytes: disk.blockBytes,
            sizeBytes: disk.sizeBytes,
          };
          const part = addresses.subarray(at * addressBytes, (at + run.blocks) * addressBytes);
          await lane.start(async () => {
            const problems = await reader.fill(run, part, o.outputOf(disk));
            for (const problem of problems) o.onProblem?.({ ...problem, disk: disk.file });
            advance(bytesOf(run));
          });
        }
      }
    }
  } finally {
    await lane.drain();
  }
}

async function leafOrProblem(
  context: StoreContext,
  disk: ManifestDisk,
  leaf: number,
  onProblem: ((problem: InstanceProblem) => void) | undefined,
): Promise<Uint8Array | null> {
  try {
    return await readLeaf(context.layout, disk, leaf);
  } catch (error) {
    const isDamage = error instanceof ReplicatorError && error.code === 'STORE_DAMAGED';
    if (!isDamage || onProblem === undefined) throw error;
    const run = { ...disk, firstBlock: leaf * disk.leafBlocks, blocks: leafBlockCount(disk, leaf) };
    onProblem({
      file: join(context.layout.leaves, disk.leaves[leaf] ?? ''),
      offset: null,
      disk: disk.file,
      firstByte: run.firstBlock * run.blockBytes,
      bytes: bytesOf(run),
      message: error.message,
    });
    return null;
  }
}

function bytesOf(run: BlockRun): number {
  return Math.min((run.firstBlock + run.blocks) * run.blockBytes, run.sizeBytes) - run.firstBlock * run.blockBytes;
}

/** A session that reads the catalog anew when a prune has moved blocks to other packs. */
async function openReader(context: StoreContext, signal: AbortSignal | undefined) {
  const cancel = new SharedArrayBuffer(4);
  const stop = () => Atomics.store(new Int32Array(cancel), 0, 1);
  signal?.addEventListener('abort', stop);
  const sessions: { packs: Pack[]; session: ThreadSession }[] = [];

  async function open() {
    const { packs, table } = await readCatalog(context.layout, 0);
    const session = threads.open({
      kind: 'read',
      cancel,
      table: table.buffer,
      packs: packs.map((pack) => pack.path),
      keys: context.keys,
    });
    const opened = { packs, session };
    sessions.push(opened);
    return opened;
  }

  let current = open();
  const { session: firstSession } = await current;

  async function fill(
    run: BlockRun,
    addresses: Uint8Array,
    output: string | null,
  ): Promise<Omit<InstanceProblem, 'disk'>[]> {
    const used = current;
    try {
      const { session } = await used;
      const outcome = await session.run({ kind: 'fill', addresses, output, ...run });
      if (outcome.kind !== 'filled') return [];
      return outcome.problems.map(({ block, ...problem }) => ({
        ...problem,
        firstByte: block * run.blockBytes,
        bytes: bytesOf({ ...run, firstBlock: block, blocks: 1 }),
      }));
    } catch (error) {
      if (!(error instanceof PackGoneError) || sessions.length >= maxReopenings) throw error;
      // Whoever is first opens the new one; the others of this moment use it too.
      if (current === used) current = open();
      return await fill(run, addresses, output);
    }
  }

  return {
    width: firstSession.width,
    fill,
    cancel: stop,
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', stop);
      for (const { session } of sessions) session.close();
    },
  };
}
