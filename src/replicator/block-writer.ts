import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, rmSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { addressBytes, addressOf, encodeBlock } from './codec.ts';
import { ReplicatorError, systemCode, systemError } from './error.ts';
import { maxBlockBytes } from './layout.ts';
import { createIndexBuilder, recordHeaderBytes, writeRecordHeader } from './pack.ts';
import type { BlockRun, Outcome, Work, WriteSetup, WrittenPack } from './protocol.ts';
import { openBlockTable } from './table.ts';

/** More blocks than this in one pack (all compressed to almost nothing) would make its index large. */
const maxBlocksOfPack = 16_384;

/** A thread's side of a sync: reads blocks, finds out which the store lacks, codes those and appends them to its pack. */
export function createBlockWriter(setup: WriteSetup, onPack: (pack: WrittenPack) => void) {
  const table = openBlockTable(setup.table);
  const cancel = new Int32Array(setup.cancel);
  const usedPacks = new Uint8Array(setup.usedPacks);
  const buffer = Buffer.allocUnsafeSlow(maxBlockBytes);
  const zeros = Buffer.alloc(maxBlockBytes);
  const header = Buffer.alloc(recordHeaderBytes);
  const isPlain = setup.connectionType === 'PLAIN';
  let source: { path: string; fd: number } | null = null;
  let pack: OpenPack | null = null;

  function scan(path: string, run: BlockRun): Outcome {
    const fd = openSource(path);
    const addresses = new Uint8Array(run.blocks * addressBytes);
    let newBytes = 0;
    for (let index = 0; index < run.blocks; index += 1) {
      if (Atomics.load(cancel, 0) !== 0) throw new ReplicatorError('CANCELLED', 'The work was cancelled.');
      const position = (run.firstBlock + index) * run.blockBytes;
      const length = Math.min(run.blockBytes, run.sizeBytes - position);
      if (readFully(path, fd, buffer, length, position) < length) {
        return { kind: 'scanned', addresses, newBytes, endedEarly: true };
      }
      const block = buffer.subarray(0, length);
      // memcmp: 40 GB/s and more, so zero blocks cost their reading only. Where holes lie cannot be asked from Node,
      // and the count of allocated blocks does not tell either (compressing file systems, FUSE).
      if (block.equals(zeros.subarray(0, length))) continue;
      const address = addressOf(block, isPlain, setup.keys);
      addresses.set(address, index * addressBytes);
      // Added before it is written, so that the other thread does not write the same block. When the writing fails the
      // sync fails as a whole and the table is thrown away.
      if (table.add(address, { pack: -1, offset: 0, bytes: 0, coding: 0 })) {
        append(block, address);
        newBytes += length;
      } else {
        const place = table.placeAt(table.find(address));
        if (place !== null && place.pack >= 0) usedPacks[place.pack] = 1;
      }
    }
    return { kind: 'scanned', addresses, newBytes, endedEarly: false };
  }

  function append(block: Uint8Array, address: Uint8Array): void {
    pack ??= openPack(join(setup.temporaryFolder, `${setup.packPrefix}${randomBytes(6).toString('hex')}.pack`));
    const coded = encodeBlock(block, address, setup.connectionType, setup.keys);
    writeRecordHeader(header, address, coded.coding, coded.bytes);
    writeFully(pack.path, pack.fd, [header, ...coded.parts]);
    coded.free();
    pack.index.add({ address, offset: pack.bytes, bytes: coded.bytes, coding: coded.coding });
    pack.bytes += recordHeaderBytes + coded.bytes;
    pack.plainBytes += block.byteLength;
    if (pack.bytes >= setup.packBytes || pack.index.count >= maxBlocksOfPack) finishPack();
  }

  function finishPack(): void {
    if (pack === null) return;
    closeSync(pack.fd);
    const { path, bytes, plainBytes, index } = pack;
    pack = null;
    onPack({ temporary: path, bytes, plainBytes, index: index.finish(bytes) });
  }

  function openSource(path: string): number {
    if (source?.path === path) return source.fd;
    closeSource();
    const fd = openForReading(path);
    source = { path, fd };
    return fd;
  }

  function closeSource(): void {
    if (source !== null) closeSync(source.fd);
    source = null;
  }

  return {
    run(work: Work): Outcome {
      if (work.kind === 'scan') return scan(work.path, work);
      finishPack();
      return { kind: 'finished' };
    },
    close(): void {
      closeSource();
      if (pack === null) return;
      // Only a sync that failed leaves a pack unfinished.
      closeSync(pack.fd);
      rmSync(pack.path, { force: true });
    },
  };
}

interface OpenPack {
  path: string;
  fd: number;
  bytes: number;
  plainBytes: number;
  index: ReturnType<typeof createIndexBuilder>;
}

function openPack(path: string): OpenPack {
  try {
    return { path, fd: openSync(path, 'wx', 0o600), bytes: 0, plainBytes: 0, index: createIndexBuilder() };
  } catch (error) {
    throw systemError(error, 'write', path);
  }
}

/** A link or a pipe put in the place of a checked path is refused, not followed. */
function openForReading(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${path} is not a regular file any more.`);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') throw new ReplicatorError('SOURCE_MISSING', `The disk ${path} is not there any more.`);
    if (code === 'ELOOP') throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${path} has been replaced by a link.`);
    throw systemError(error, 'read', path);
  }
}

function readFully(path: string, fd: number, target: Buffer, length: number, position: number): number {
  let done = 0;
  try {
    while (done < length) {
      const count = readSync(fd, target, done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
  } catch (error) {
    throw systemError(error, 'read', path);
  }
  return done;
}

/** writev may write less than asked, above all when the disk is about to be full; the next call then says so. */
function writeFully(path: string, fd: number, parts: Uint8Array[]): void {
  let rest = parts;
  try {
    while (rest.length > 0) {
      let written = writevSync(fd, rest);
      const left: Uint8Array[] = [];
      for (const part of rest) {
        if (written >= part.byteLength) written -= part.byteLength;
        else {
          left.push(part.subarray(written));
          written = 0;
        }
      }
      rest = left;
    }
  } catch (error) {
    throw systemError(error, 'write', path);
  }
}
