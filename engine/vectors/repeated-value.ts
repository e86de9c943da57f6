import type { BinaryVector } from './column-vector.ts';

/**
 * The first row whose bytes an earlier row has too, or -1. No string is made of an honest tick's
 * ids. Ids that count up, as most do, differ by that alone; others are looked up in a table.
 */
export function firstRepeated(vector: BinaryVector): number {
  return isRising(vector) ? -1 : firstInTable(vector);
}

/** Each value is longer than the one before, or as long and greater by its bytes. */
function isRising({ offsets, data, length }: BinaryVector): boolean {
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let before = offsets[0] as number;
  let start = before;
  let bytesBefore = -1;
  for (let row = 0; row < length; row++) {
    const bytes = (offsets[row + 1] as number) - start;
    if (bytes < bytesBefore) return false;
    if (bytes === bytesBefore && !isLess(words, before, start, bytes)) return false;
    before = start;
    start += bytes;
    bytesBefore = bytes;
  }
  return true;
}

/** Whether the bytes at `a` are less than those at `b`, by big-endian words where there are four. */
function isLess(words: DataView, a: number, b: number, bytes: number): boolean {
  let i = 0;
  for (; i + 4 <= bytes; i += 4) {
    const less = words.getUint32(a + i);
    const greater = words.getUint32(b + i);
    if (less !== greater) return less < greater;
  }
  for (; i < bytes; i++) {
    const less = words.getUint8(a + i);
    const greater = words.getUint8(b + i);
    if (less !== greater) return less < greater;
  }
  return false;
}

/**
 * Open addressing. The hash is no secret, so whoever chooses the ids can make them meet: past a
 * number of probes that chance does not come to, a set takes over, whose hash nobody outside knows.
 */
function firstInTable(vector: BinaryVector): number {
  const { offsets, data, length } = vector;
  let capacity = 16;
  while (capacity < length * 2) capacity *= 2;
  if (slots.length < capacity * 2) slots = new Int32Array(capacity * 2);
  else slots.fill(0, 0, capacity * 2);
  const table = slots;
  const last = capacity - 1;
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let probesLeft = 64 + length * 8;
  for (let row = 0; row < length; row++) {
    const start = offsets[row] as number;
    const end = offsets[row + 1] as number;
    const hash = hashOf(words, start, end);
    let slot = hash & last;
    for (let seen = table[slot * 2] as number; seen !== 0; seen = table[slot * 2] as number) {
      if (table[slot * 2 + 1] === hash && equalBytes(offsets, data, seen - 1, start, end)) {
        return row;
      }
      if (--probesLeft < 0) return firstRepeatedText(vector);
      slot = (slot + 1) & last;
    }
    table[slot * 2] = row + 1;
    table[slot * 2 + 1] = hash;
  }
  return -1;
}

/** Row + 1 and hash of each slot by turns, kept from tick to tick. */
let slots = new Int32Array(1024);

/** Hashes by words of four bytes; what is left at the end is read with bytes before it, or alone. */
function hashOf(words: DataView, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mixed(hash, words.getInt32(at, true));
  if (at < end && end - start > 4) hash = mixed(hash, words.getInt32(end - 4, true));
  else for (; at < end; at++) hash = mixed(hash, words.getUint8(at));
  // The slot is of the lowest bits, which the last bytes of a word have not reached yet.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

function equalBytes(
  offsets: Int32Array,
  data: Uint8Array,
  row: number,
  start: number,
  end: number,
): boolean {
  const from = offsets[row] as number;
  if ((offsets[row + 1] as number) - from !== end - start) return false;
  for (let i = 0; i < end - start; i++) if (data[from + i] !== data[start + i]) return false;
  return true;
}

function firstRepeatedText({ offsets, data, length }: BinaryVector): number {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const seen = new Set<string>();
  for (let row = 0; row < length; row++) {
    // One character a byte: distinct bytes are distinct texts, UTF-8 or not.
    const text = bytes.toString('latin1', offsets[row], offsets[row + 1]);
    if (seen.has(text)) return row;
    seen.add(text);
  }
  return -1;
}
