import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { addressBytes, decodeBlock, freeNow } from './codec.ts';
import { ReplicatorError, systemCode, systemError } from './error.ts';
import { maxBlockBytes } from './layout.ts';
import { isRecordHeader, PackGoneError, recordHeaderBytes } from './pack.ts';
import type { BlockProblem, BlockRun, Outcome, ReadSetup, Work } from './protocol.ts';
import { type BlockPlace, openBlockTable } from './table.ts';

/** Open packs that a thread keeps; blocks of a run mostly lie in very few. */
const maxOpenPacks = 32;

/** A thread's side of a restore or a verification: finds blocks, decodes and verifies each, and writes them to the image. */
export function createBlockReader(setup: ReadSetup) {
  const table = openBlockTable(setup.table);
  const cancel = new Int32Array(setup.cancel);
  const buffer = Buffer.allocUnsafeSlow(recordHeaderBytes + maxBlockBytes + 4096);
  const packs = new Map<number, number>();
  let output: { path: string; fd: number } | null = null;

  function fill(run: BlockRun, addresses: Uint8Array, outputPath: string | null): Outcome {
    const problems: BlockProblem[] = [];
    for (let index = 0; index < run.blocks; index += 1) {
      if (Atomics.load(cancel, 0) !== 0) throw new ReplicatorError('CANCELLED', 'The work was cancelled.');
      const address = addresses.subarray(index * addressBytes, (index + 1) * addressBytes);
      if (address.every((byte) => byte === 0)) continue;
      const block = run.firstBlock + index;
      const position = block * run.blockBytes;
      const length = Math.min(run.blockBytes, run.sizeBytes - position);
      const place = table.placeAt(table.find(address));
      try {
        const plain = readBlock(address, place, length);
        if (outputPath !== null) writeFully(outputPath, plain, position);
        if (plain.buffer !== buffer.buffer) freeNow(plain);
      } catch (error) {
        const isDamage = error instanceof ReplicatorError && error.code === 'STORE_DAMAGED';
        if (outputPath !== null || !isDamage) throw error;
        const file = place === null ? '' : (setup.packs[place.pack] ?? '');
        problems.push({ block, file, offset: place?.offset ?? null, message: error.message });
      }
    }
    return { kind: 'filled', problems };
  }

  function readBlock(address: Uint8Array, place: BlockPlace | null, plainBytes: number): Uint8Array {
    if (place === null) {
      const name = Buffer.from(address).toString('hex');
      throw new ReplicatorError('STORE_DAMAGED', `The block ${name} is in no pack of the store.`);
    }
    const path = setup.packs[place.pack] ?? '';
    const where = `${basename(path)}, offset ${place.offset}`;
    const damaged = (why: string) => new ReplicatorError('STORE_DAMAGED', `The block at ${where} ${why}.`);
    const length = recordHeaderBytes + place.bytes;
    // A damaged header, read where the index was lost, may claim any length.
    if (length > buffer.byteLength) throw damaged('claims to be larger than any block');
    const fd = openPack(place.pack, path);
    let read: number;
    try {
      read = readSync(fd, buffer, 0, length, place.offset);
    } catch (error) {
      throw systemError(error, 'read', path);
    }
    if (read < length) throw damaged('is cut: the pack ends before it');
    const header = buffer.subarray(0, recordHeaderBytes);
    if (!isRecordHeader(header, address, place.coding, place.bytes)) throw damaged('has an altered header');
    const coded = buffer.subarray(recordHeaderBytes, length);
    return decodeBlock({ coded, coding: place.coding, address, plainBytes, keys: setup.keys, place: where });
  }

  function openPack(number: number, path: string): number {
    const open = packs.get(number);
    if (open !== undefined) return open;
    if (packs.size >= maxOpenPacks) closePacks();
    try {
      const fd = openSync(path, 'r');
      packs.set(number, fd);
      return fd;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw new PackGoneError(`The pack ${path} is gone.`, { cause: error });
      throw systemError(error, 'read', path);
    }
  }

  function closePacks(): void {
    for (const fd of packs.values()) closeSync(fd);
    packs.clear();
  }

  function writeFully(path: string, plain: Uint8Array, position: number): void {
    try {
      if (output?.path !== path) {
        closeOutput();
        output = { path, fd: openSync(path, 'r+') };
      }
      for (let done = 0; done < plain.byteLength; ) {
        done += writeSync(output.fd, plain, done, plain.byteLength - done, position + done);
      }
    } catch (error) {
      throw systemError(error, 'write', path);
    }
  }

  function closeOutput(): void {
    if (output !== null) closeSync(output.fd);
    output = null;
  }

  return {
    run(work: Work): Outcome {
      if (work.kind !== 'fill') throw new Error(`A reading session cannot ${work.kind}.`);
      return fill(work, work.addresses, work.output);
    },
    close(): void {
      closePacks();
      closeOutput();
    },
  };
}
