import { hash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { addressBytes } from './codec.ts';
import { systemCode, translated } from './error.ts';
import { maxBlockBytes } from './layout.ts';

/**
 * A pack is a row of records: header (magic, coding, coded length, address), then the coded block. The headers repeat
 * what the index says, so that a lost or damaged index costs nothing but the reading of the pack.
 */
export const recordHeaderBytes = 8 + addressBytes;
const recordMagic = 0x4b4c4200; // "BLK", with the coding in the lowest byte.

const indexMagic = 'drgraph pack index 1\n';
/** Bytes of an entry in an index. */
export const entryBytes = addressBytes + 12;
const digestBytes = 32;
/** zstd and GCM add a little to a block at most. */
const maxCodedBytes = maxBlockBytes + 4096;

/** Where a block lies in its pack: `offset` of the header, `bytes` of the coded block after it. */
export interface PackEntry {
  address: Uint8Array;
  offset: number;
  bytes: number;
  coding: number;
}

/** Writes a record's header into `target`, which has recordHeaderBytes. */
export function writeRecordHeader(target: Buffer, address: Uint8Array, coding: number, bytes: number): void {
  target.writeUInt32LE(recordMagic + coding, 0);
  target.writeUInt32LE(bytes, 4);
  target.set(address, 8);
}

/** True when a header is the one that the index (or manifest) leads to. */
export function isRecordHeader(header: Buffer, address: Uint8Array, coding: number, bytes: number): boolean {
  return (
    header.readUInt32LE(0) === recordMagic + coding &&
    header.readUInt32LE(4) === bytes &&
    header.subarray(8, recordHeaderBytes).equals(address)
  );
}

/** Collects a pack's index while it is written; the addresses are copied. */
export function createIndexBuilder() {
  const chunks: Buffer[] = [];
  return {
    get count() {
      return chunks.length;
    },
    add(entry: PackEntry): void {
      const row = Buffer.allocUnsafe(entryBytes);
      row.set(entry.address);
      row.writeUInt32LE(entry.offset, addressBytes);
      row.writeUInt32LE(entry.bytes, addressBytes + 4);
      row.writeUInt32LE(entry.coding, addressBytes + 8);
      chunks.push(row);
    },
    /** The index file's content: magic, size of the pack, rows, sha256 of all before. */
    finish(packBytes: number): Buffer<ArrayBuffer> {
      const size = Buffer.allocUnsafe(4);
      size.writeUInt32LE(packBytes);
      const body = Buffer.concat([Buffer.from(indexMagic), size, ...chunks]);
      return Buffer.concat([body, hash('sha256', body, 'buffer')]);
    },
  };
}

/** The entries of an index file's content, or null when its bytes are not what was written. */
export function parseIndex(content: Buffer): { packBytes: number; entries: PackEntry[] } | null {
  const start = indexMagic.length + 4;
  const end = content.byteLength - digestBytes;
  if (end < start || (end - start) % entryBytes !== 0) return null;
  if (!hash('sha256', content.subarray(0, end), 'buffer').equals(content.subarray(end))) return null;
  if (content.toString('latin1', 0, indexMagic.length) !== indexMagic) return null;
  const entries: PackEntry[] = [];
  for (let at = start; at < end; at += entryBytes) {
    entries.push({
      address: content.subarray(at, at + addressBytes),
      offset: content.readUInt32LE(at + addressBytes),
      bytes: content.readUInt32LE(at + addressBytes + 4),
      coding: content.readUInt32LE(at + addressBytes + 8),
    });
  }
  return { packBytes: content.readUInt32LE(indexMagic.length), entries };
}

/** The index file that belongs to a pack. */
export function indexPath(packPath: string): string {
  return packPath.replace(/\.pack$/, '.index');
}

/** Reads a pack's index. It may be missing: for a moment it is the next file to be renamed. */
export async function readIndex(packPath: string) {
  const path = indexPath(packPath);
  return await translated('read', path, async () => {
    try {
      return parseIndex(await readFile(path)) ?? 'damaged';
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return 'missing';
      throw error;
    }
  });
}

/** Finds the entries of a pack from its headers alone. `whole` is false when the row of records breaks off. */
export async function scanPack(packPath: string): Promise<{ entries: PackEntry[]; packBytes: number; whole: boolean }> {
  return await translated('read', packPath, async () => {
    await using file = await open(packPath, 'r');
    const { size } = await file.stat();
    const entries: PackEntry[] = [];
    let offset = 0;
    while (offset + recordHeaderBytes <= size) {
      const header = Buffer.allocUnsafe(recordHeaderBytes);
      await file.read(header, 0, recordHeaderBytes, offset);
      const coding = header.readUInt32LE(0) - recordMagic;
      const bytes = header.readUInt32LE(4);
      if (coding < 0 || coding > 2 || bytes > maxCodedBytes || offset + recordHeaderBytes + bytes > size) break;
      entries.push({ address: header.subarray(8), offset, bytes, coding });
      offset += recordHeaderBytes + bytes;
    }
    return { entries, packBytes: size, whole: offset === size };
  });
}

/** A pack that the catalog names is gone: a prune has moved its blocks. The catalog must be read again. */
export class PackGoneError extends Error {
  override readonly name = 'PackGoneError';
}
