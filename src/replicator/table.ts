/**
 * Which block lies where, for all threads at once: an open-addressed table in shared memory. A slot is seven words (28
 * bytes): half of the address (128 bits), pack, offset, and coded bytes with the coding. At most three quarters of the
 * slots are in use, so a stored block costs 37 bytes: 150 MiB for 1 TiB of stored data in blocks of 256 KiB; holes
 * cost nothing. Half an address is enough to find and to compare blocks: it takes 2^64 tries to make two with the same
 * half. What is restored is compared with the whole address all the same.
 */
export interface BlockTable {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  /** The slot of an address, or -1. */
  find(address: Uint8Array): number;
  /** Adds an address unless it is there; true when it was added. Safe beside other threads. */
  add(address: Uint8Array, place: BlockPlace): boolean;
  /** Where the block of a slot lies, or null for an empty slot and for -1. */
  placeAt(slot: number): BlockPlace | null;
}

/** A block's place: the pack by its number in the catalog; -1 while the block is not durable. */
export interface BlockPlace {
  pack: number;
  offset: number;
  bytes: number;
  coding: number;
}

const slotWords = 7;
const stateWord = 6;
const empty = 0;
/** A slot that another thread is filling. Real states are positive: bytes and coding, plus one. */
const busy = -1;

/** Room for this many blocks. Untouched pages of the buffer take no memory. */
export function makeBlockTable(blocks: number): BlockTable {
  const capacity = Math.max(64, Math.ceil(blocks / 0.75));
  return openBlockTable(new SharedArrayBuffer(capacity * slotWords * 4));
}

/** The same table in another thread. */
export function openBlockTable(buffer: SharedArrayBuffer): BlockTable {
  const words = new Int32Array(buffer);
  const capacity = words.length / slotWords;
  const wordAt = (index: number) => words[index] ?? 0;

  /** The slot of the address, or the complement (~slot) of the empty one where it belongs. */
  function seek(address: Uint8Array): number {
    const view = new DataView(address.buffer, address.byteOffset, 16);
    const a = view.getInt32(0, true);
    const b = view.getInt32(4, true);
    const c = view.getInt32(8, true);
    const d = view.getInt32(12, true);
    let slot = view.getUint32(0, true) % capacity;
    for (let tried = 0; tried < capacity; tried += 1) {
      const at = slot * slotWords;
      let state = Atomics.load(words, at + stateWord);
      while (state === busy) state = Atomics.load(words, at + stateWord);
      if (state === empty) return ~slot;
      if (wordAt(at) === a && wordAt(at + 1) === b && wordAt(at + 2) === c && wordAt(at + 3) === d) return slot;
      slot = slot + 1 === capacity ? 0 : slot + 1;
    }
    throw new RangeError(`The block table of ${capacity} slots is full.`);
  }

  return {
    buffer,
    capacity,
    find: (address) => Math.max(-1, seek(address)),
    add(address, place) {
      for (;;) {
        const found = seek(address);
        if (found >= 0) return false;
        const at = ~found * slotWords;
        if (Atomics.compareExchange(words, at + stateWord, empty, busy) !== empty) continue;
        const view = new DataView(address.buffer, address.byteOffset, 16);
        for (let word = 0; word < 4; word += 1) words[at + word] = view.getInt32(word * 4, true);
        words[at + 4] = place.pack;
        words[at + 5] = place.offset;
        Atomics.store(words, at + stateWord, ((place.bytes << 2) | place.coding) + 1);
        return true;
      }
    },
    placeAt(slot) {
      if (slot < 0) return null;
      const at = slot * slotWords;
      const state = Atomics.load(words, at + stateWord);
      if (state <= 0) return null;
      return {
        pack: wordAt(at + 4),
        offset: wordAt(at + 5) >>> 0,
        bytes: (state - 1) >>> 2,
        coding: (state - 1) & 3,
      };
    },
  };
}
