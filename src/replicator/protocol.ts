import type { ConnectionType } from './codec.ts';
import type { ReplicatorErrorCode } from './error.ts';
import type { StoreKeys } from './key.ts';

/** What the threads need to know for one sync, restore or verification. Shared buffers are shared, the rest is copied. */
export type Setup = WriteSetup | ReadSetup;

/** For a sync: blocks of source disks go to packs. */
export interface WriteSetup {
  kind: 'write';
  /** One Int32; 1 tells the threads to stop at the next block. */
  cancel: SharedArrayBuffer;
  table: SharedArrayBuffer;
  /** One byte for each pack of the catalog, set when the sync relies on a block in it. */
  usedPacks: SharedArrayBuffer;
  keys: StoreKeys;
  connectionType: ConnectionType;
  /** Where packs are written until they are whole, and how their names begin: with the task's id. */
  temporaryFolder: string;
  packPrefix: string;
  packBytes: number;
}

/** For a restore or a verification: blocks of packs go to a disk image or only through the check. */
export interface ReadSetup {
  kind: 'read';
  cancel: SharedArrayBuffer;
  table: SharedArrayBuffer;
  /** The packs' paths by their number in the catalog. */
  packs: string[];
  keys: StoreKeys;
}

/** A run of blocks of a disk. */
export interface BlockRun {
  firstBlock: number;
  blocks: number;
  blockBytes: number;
  /** The disk's size: its last block may be shorter. */
  sizeBytes: number;
}

/** Work for one thread. */
export type Work =
  | ({ kind: 'scan'; path: string } & BlockRun)
  /** Finish the pack that is being written. */
  | { kind: 'finish' }
  /** `output` null: verify only, and name every damaged block instead of failing at the first. */
  | ({ kind: 'fill'; addresses: Uint8Array; output: string | null } & BlockRun);

/** A damaged block: its number in the disk and what is wrong with it. */
export interface BlockProblem {
  block: number;
  file: string;
  offset: number | null;
  message: string;
}

/** What a thread answers to its work. */
export type Outcome =
  | {
      kind: 'scanned';
      addresses: Uint8Array;
      /** Bytes of blocks that the store did not hold. */
      newBytes: number;
      /** The file ended before the run did: it shrank while it was read. */
      endedEarly: boolean;
    }
  | { kind: 'finished' }
  | { kind: 'filled'; problems: BlockProblem[] };

/** A pack that a thread has written to the last byte, not yet flushed. */
export interface WrittenPack {
  temporary: string;
  bytes: number;
  /** Bytes of the blocks before coding. */
  plainBytes: number;
  index: Uint8Array;
}

/** An error that crosses the border of threads. */
export interface PlainError {
  code: ReplicatorErrorCode | 'PACK_GONE' | 'BUG';
  message: string;
}

/** To a thread. */
export type Request =
  | { kind: 'open'; session: number; setup: Setup }
  | { kind: 'run'; session: number; job: number; work: Work }
  | { kind: 'close'; session: number };

/** From a thread. */
export type Reply =
  | { kind: 'done'; job: number; outcome: Outcome }
  | { kind: 'failed'; job: number; error: PlainError }
  | { kind: 'pack'; session: number; pack: WrittenPack };
