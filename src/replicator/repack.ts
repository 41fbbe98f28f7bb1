import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pack } from './catalog.ts';
import { publishPack, type StoreContext } from './context.ts';
import { remove } from './durable.ts';
import { throwIfCancelled, translated } from './error.ts';
import { repackOwner } from './layout.ts';
import { entriesInUse, type Marks } from './mark.ts';
import { createIndexBuilder, isRecordHeader, type PackEntry, recordHeaderBytes } from './pack.ts';

/**
 * Copies the blocks in use of these packs, coded as they are, to new packs and makes those durable. Answers the packs that
 * are not needed any more. A pack with a damaged record is left alone: nothing is thrown away that might be mended.
 */
export async function repackBlocks(
  context: StoreContext,
  marks: Marks,
  packs: Pack[],
  signal: AbortSignal | undefined,
): Promise<{ emptied: Pack[]; writtenBytes: number }> {
  const target = createPackTarget(context);
  const emptied: Pack[] = [];
  try {
    for (const pack of packs) {
      throwIfCancelled(signal);
      const entries = await entriesInUse(marks, pack);
      if (await copyRecords(pack, entries, target)) emptied.push(pack);
    }
    await target.finish();
  } finally {
    await target.close();
  }
  return { emptied, writtenBytes: target.writtenBytes };
}

/** Copies records after a look at every header; false when one is not what the index says. */
async function copyRecords(pack: Pack, entries: PackEntry[], target: PackTarget): Promise<boolean> {
  return await translated('copy blocks of', pack.path, async () => {
    await using file = await open(pack.path, 'r');
    const read = async (entry: PackEntry) => {
      const record = Buffer.allocUnsafe(recordHeaderBytes + entry.bytes);
      const { bytesRead } = await file.read(record, 0, record.byteLength, entry.offset);
      const isWhole = bytesRead === record.byteLength;
      const header = record.subarray(0, recordHeaderBytes);
      return isWhole && isRecordHeader(header, entry.address, entry.coding, entry.bytes) ? record : null;
    };
    for (const entry of entries) {
      if ((await read(entry)) === null) return false;
    }
    for (const entry of entries) {
      const record = await read(entry);
      if (record === null) return false;
      await target.append(record, entry);
    }
    return true;
  });
}

interface PackTarget {
  readonly writtenBytes: number;
  append(record: Uint8Array, entry: PackEntry): Promise<void>;
  finish(): Promise<void>;
  close(): Promise<void>;
}

function createPackTarget(context: StoreContext): PackTarget {
  const { layout, geometry } = context;
  let current: { file: FileHandle; path: string; bytes: number; index: ReturnType<typeof createIndexBuilder> } | null =
    null;
  let writtenBytes = 0;

  async function finish(): Promise<void> {
    if (current === null) return;
    const { file, path, bytes, index } = current;
    current = null;
    await file.close();
    await publishPack(context, { temporary: path, index: index.finish(bytes) });
    writtenBytes += bytes;
  }

  async function start() {
    const time = Date.now().toString(16).padStart(12, '0');
    const path = join(layout.temporary, `${repackOwner}.${time}${randomBytes(4).toString('hex')}.pack`);
    const file = await translated('write', path, () => open(path, 'wx', 0o600));
    return { file, path, bytes: 0, index: createIndexBuilder() };
  }

  return {
    get writtenBytes() {
      return writtenBytes;
    },
    async append(record, entry) {
      current ??= await start();
      const { file, path, bytes, index } = current;
      await translated('write', path, () => file.writeFile(record));
      index.add({ ...entry, offset: bytes });
      current.bytes += record.byteLength;
      if (current.bytes >= geometry.packBytes) await finish();
    },
    finish,
    async close() {
      if (current === null) return;
      await current.file.close();
      await remove(current.path);
    },
  };
}
