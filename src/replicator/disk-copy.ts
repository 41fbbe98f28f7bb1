import { basename } from 'node:path';
import { readCatalog } from './catalog.ts';
import { addressBytes } from './codec.ts';
import { publishPack, type StoreContext } from './context.ts';
import { createLane, type Lane } from './lane.ts';
import { blockBytesFor } from './layout.ts';
import type { DiskFile } from './machine.ts';
import { leafBlockCount, type ManifestDisk, type SyncCounters, writeLeaf } from './manifest.ts';
import { type ThreadSession, threads } from './pool.ts';
import type { WrittenPack } from './protocol.ts';
import type { SourceState } from './source.ts';

/** Bytes that one message to a thread asks for: small enough to stop at, large enough to hide the message. */
const runBytes = 4 * 2 ** 20;
/** Blocks read before the table is made anew, so that its room for new ones stays small (64 GiB, 10 MB of table). */
const spanBlocks = 262_144;
/** Packs on their way to the disk at once: 64 MiB each may be dirty. */
const maxPacksInFlight = 3;

/** Who a copy is for and whom it tells. */
export interface CopyOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((counters: SyncCounters) => void) | undefined;
}

/** The reading of a sync's disks, with what it counts over all rounds. */
export class DiskCopy {
  readonly counters: SyncCounters = {
    checksumTotalBytes: 0,
    checksumComparedBytes: 0,
    bytesToTransfer: 0,
    bytesTransferred: 0,
  };
  /** Names of the packs that hold the instance's blocks. */
  readonly reliesOn = new Set<string>();
  readonly #context: StoreContext;
  readonly #options: CopyOptions;
  readonly #owner: string;
  readonly #packPrefix: string;

  constructor(context: StoreContext, options: CopyOptions, owner: string, packPrefix: string) {
    this.#context = context;
    this.#options = options;
    this.#owner = owner;
    this.#packPrefix = packPrefix;
  }

  /** Reads the disks from end to end. One that shrank meanwhile is missing in the answer. */
  async copyDisks(states: Map<DiskFile, SourceState>): Promise<Map<DiskFile, ManifestDisk>> {
    const { geometry } = this.#context;
    const plans = new Map<DiskFile, ManifestDisk>();
    for (const [disk, { sizeBytes }] of states) {
      const blockBytes = blockBytesFor(geometry, sizeBytes);
      plans.set(disk, {
        key: disk.key,
        file: disk.file,
        sizeBytes,
        blockBytes,
        leafBlocks: geometry.leafBlocks,
        leaves: [],
      });
      this.counters.checksumTotalBytes += sizeBytes;
    }
    this.#report();
    const shrunk = new Set<DiskFile>();
    for (const { leaves, blocks } of spansOf(plans)) {
      const span = await this.#openSpan(blocks);
      try {
        for (const { disk, plan, index } of leaves) {
          await this.#copyLeaf(span, disk, plan, index, () => shrunk.add(disk));
        }
      } finally {
        await span.end();
      }
    }
    for (const disk of shrunk) plans.delete(disk);
    return plans;
  }

  async #copyLeaf(span: Span, disk: DiskFile, plan: ManifestDisk, leaf: number, onShrunk: () => void): Promise<void> {
    const { blockBytes, sizeBytes, leafBlocks } = plan;
    const count = leafBlockCount(plan, leaf);
    const step = Math.max(1, Math.floor(runBytes / blockBytes));
    const addresses = new Uint8Array(count * addressBytes);
    let open = Math.ceil(count / step);
    for (let at = 0; at < count; at += step) {
      const blocks = Math.min(step, count - at);
      const firstBlock = leaf * leafBlocks + at;
      await span.lane.start(async () => {
        const outcome = await span.session.run({
          kind: 'scan',
          path: disk.path,
          firstBlock,
          blocks,
          blockBytes,
          sizeBytes,
        });
        if (outcome.kind !== 'scanned') return;
        if (outcome.endedEarly) onShrunk();
        addresses.set(outcome.addresses, at * addressBytes);
        const end = Math.min((firstBlock + blocks) * blockBytes, sizeBytes);
        this.counters.checksumComparedBytes += end - firstBlock * blockBytes;
        this.counters.bytesToTransfer += outcome.newBytes;
        this.#report();
        open -= 1;
        if (open > 0) return;
        const { layout, steps } = this.#context;
        plan.leaves[leaf] = await writeLeaf({ layout, addresses, owner: this.#owner, steps });
      });
      await span.roomForPacks();
    }
  }

  async #openSpan(blocks: number): Promise<Span> {
    const { layout, keys, connectionType, geometry } = this.#context;
    const catalog = await readCatalog(layout, blocks);
    const cancel = new SharedArrayBuffer(4);
    const usedPacks = new SharedArrayBuffer(Math.max(1, catalog.packs.length));
    let session: ThreadSession | null = null;
    const stop = () => session?.cancel();
    const packs = createLane(maxPacksInFlight, stop);
    const opened = threads.open(
      {
        kind: 'write',
        cancel,
        table: catalog.table.buffer,
        usedPacks,
        keys,
        connectionType,
        temporaryFolder: layout.temporary,
        packPrefix: this.#packPrefix,
        packBytes: geometry.packBytes,
      },
      (pack) => packs.add(() => this.#publish(pack)),
    );
    session = opened;
    const lane = createLane(opened.width, stop);
    const { signal } = this.#options;
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    return {
      session: opened,
      lane,
      roomForPacks: () => packs.room(),
      end: async () => {
        try {
          await lane.drain();
          await opened.runInEach({ kind: 'finish' });
        } finally {
          signal?.removeEventListener('abort', stop);
          opened.close();
          await packs.drain();
        }
        for (const [number, used] of new Uint8Array(usedPacks).entries()) {
          const pack = catalog.packs[number];
          if (used === 1 && pack) this.reliesOn.add(pack.name);
        }
      },
    };
  }

  async #publish(pack: WrittenPack): Promise<void> {
    this.reliesOn.add(basename(pack.temporary));
    await publishPack(this.#context, pack);
    this.counters.bytesTransferred += pack.plainBytes;
    this.#report();
  }

  #report(): void {
    this.#options.onProgress?.({ ...this.counters });
  }
}

interface LeafToCopy {
  disk: DiskFile;
  plan: ManifestDisk;
  index: number;
}

/** The leaves of all disks in order, cut into stretches for which one block table serves. */
function spansOf(plans: Map<DiskFile, ManifestDisk>): { leaves: LeafToCopy[]; blocks: number }[] {
  const spans: { leaves: LeafToCopy[]; blocks: number }[] = [];
  let span = { leaves: [] as LeafToCopy[], blocks: 0 };
  for (const [disk, plan] of plans) {
    const count = Math.ceil(plan.sizeBytes / (plan.blockBytes * plan.leafBlocks));
    for (let index = 0; index < count; index += 1) {
      if (span.leaves.length === 0 || span.blocks >= spanBlocks) {
        span = { leaves: [], blocks: 0 };
        spans.push(span);
      }
      span.leaves.push({ disk, plan, index });
      span.blocks += leafBlockCount(plan, index);
    }
  }
  return spans;
}

/** A stretch of the reading for which one block table serves. */
interface Span {
  session: ThreadSession;
  lane: Lane;
  roomForPacks(): Promise<void>;
  end(): Promise<void>;
}
