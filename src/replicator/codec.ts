import { createCipheriv, createDecipheriv, createHmac, hash, randomFillSync } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ReplicatorError } from './error.ts';
import type { StoreKeys } from './key.ts';

/** How the data of a replication travel and lie, as VCDA names it. */
export type ConnectionType = 'PLAIN' | 'ENCRYPTED' | 'ENCRYPTED_COMPRESSED';

/** How one block is coded in a pack: two bits. A store may hold all three, when its connection type was changed. */
export const blockCoding = { plain: 0, encrypted: 1, encryptedZstd: 2 } as const;

export const addressBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** Compression must save this share, else the block is kept as it is: unpacking costs time at every restore. */
const leastSaving = 0.03;
const zstdLevel = { [constants.ZSTD_c_compressionLevel]: 1 };
/** Buffers up to here may share their memory with others (Node's pool). */
const pooledBytes = 65_536;

/**
 * The address of a block. PLAIN: its sha256. Else HMAC(address key, sha256): who sees the store without the key can then
 * not find out whether it holds a block that he knows. The domain of the two never mix, so a store whose
 * connection type changes transfers everything again, coded the new way.
 */
export function addressOf(plain: Uint8Array, isPlain: boolean, keys: StoreKeys): Buffer {
  const digest = hash('sha256', plain, 'buffer');
  return isPlain ? digest : createHmac('sha256', keys.address).update(digest).digest();
}

/** Codes a block for a pack: the parts to be written one after the other. Call `free` when they are. */
export function encodeBlock(
  plain: Uint8Array,
  address: Uint8Array,
  type: ConnectionType,
  keys: StoreKeys,
): { coding: number; parts: Uint8Array[]; bytes: number; free: () => void } {
  if (type === 'PLAIN') {
    return { coding: blockCoding.plain, parts: [plain], bytes: plain.byteLength, free: () => {} };
  }
  let content = plain;
  let coding: number = blockCoding.encrypted;
  if (type === 'ENCRYPTED_COMPRESSED') {
    // One output buffer for all: with the usual 16 KiB each block is put together from many.
    const packed = zstdCompressSync(plain, { params: zstdLevel, chunkSize: plain.byteLength + 4096 });
    if (packed.byteLength <= plain.byteLength * (1 - leastSaving)) {
      content = packed;
      coding = blockCoding.encryptedZstd;
    } else {
      freeNow(packed);
    }
  }
  const nonce = randomFillSync(new Uint8Array(nonceBytes));
  const cipher = createCipheriv('aes-256-gcm', keys.block, nonce);
  cipher.setAAD(associatedData(address, coding));
  const coded = cipher.update(content);
  cipher.final();
  if (content !== plain) freeNow(content);
  return {
    coding,
    parts: [nonce, coded, cipher.getAuthTag()],
    bytes: nonceBytes + coded.byteLength + tagBytes,
    free: () => freeNow(coded),
  };
}

/**
 * Gives a large buffer's memory back at once. The collector would let hundreds of megabytes of these pile up (measured 369 MiB
 * at the peak of a restore of 2 GiB). The buffer is empty afterwards.
 */
export function freeNow(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > pooledBytes) buffer.transfer(0);
}

/**
 * The plain bytes of a coded block, verified: they hash to the address that was asked for, or this throws STORE_DAMAGED.
 * `place` names the pack and offset for the message. What it answers is `coded` itself or a buffer to be freed after use.
 */
export function decodeBlock(o: {
  coded: Uint8Array;
  coding: number;
  address: Uint8Array;
  plainBytes: number;
  keys: StoreKeys;
  place: string;
}): Uint8Array {
  const damaged = (why: string, cause?: unknown) =>
    new ReplicatorError('STORE_DAMAGED', `The block at ${o.place} ${why}.`, { cause });
  let plain: Uint8Array;
  try {
    plain = o.coding === blockCoding.plain ? o.coded : decrypt(o.coded, o.coding, o.address, o.plainBytes, o.keys);
  } catch (error) {
    throw damaged('cannot be decoded: its bytes were altered', error);
  }
  if (plain.byteLength !== o.plainBytes) throw damaged(`has ${plain.byteLength} bytes instead of ${o.plainBytes}`);
  if (!addressOf(plain, o.coding === blockCoding.plain, o.keys).equals(o.address)) {
    throw damaged('does not hash to its address: its bytes were altered');
  }
  return plain;
}

function decrypt(coded: Uint8Array, coding: number, address: Uint8Array, plainBytes: number, keys: StoreKeys) {
  const end = coded.byteLength - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', keys.block, coded.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(associatedData(address, coding)).setAuthTag(coded.subarray(end));
  const content = decipher.update(coded.subarray(nonceBytes, end));
  decipher.final();
  if (coding !== blockCoding.encryptedZstd) return content;
  // The authenticated content is ours, but a limit costs nothing and bounds the memory whatever it says.
  const plain = zstdDecompressSync(content, { maxOutputLength: plainBytes, chunkSize: Math.max(64, plainBytes) });
  freeNow(content);
  return plain;
}

function associatedData(address: Uint8Array, coding: number): Uint8Array {
  const data = new Uint8Array(addressBytes + 1);
  data.set(address);
  data[addressBytes] = coding;
  return data;
}
