import { hashBytes, noBytes, type PoolTables } from '../state/byte-pool.ts';
import type { ColumnWords } from '../state/column-words.ts';
import { versionWord } from '../state/row-layout.ts';
import { pageRowBits, pageRows } from '../state/row-pages.ts';
import type { StateTable } from '../state/state-table.ts';
import type { TitleState } from '../state/title-state.ts';
import type { Projection } from '../tick/projection.ts';
import { BrokenInvariant } from './broken-invariant.ts';

/**
 * The byte pool against everything that holds an id of it between ticks: rows, what the last tick's
 * `before()` needs, what a checkpoint has saved aside, what reads compare with. Throws `BrokenInvariant`.
 */
export function checkStrings(state: TitleState): void {
  const { tables: pool, size } = state.pool;
  const held = new Uint32Array(pool.idCount);
  for (const table of state.tables.values()) {
    countRows(table, held);
    table.capture?.countHeld(held);
    for (const words of table.heldByReads) countWords(words, held);
  }
  for (const changes of state.changes.values()) changes.countHeld(held);
  let strings = 0;
  let bytes = 0;
  for (let id = noBytes + 1; id < pool.idCount; id++) {
    const references = pool.references[id] as number;
    if (references !== held[id]) {
      broken(id, `has ${references} references and ${held[id]} holders`);
    }
    if (references === 0) continue;
    strings++;
    bytes += pool.lengthOf[id] as number;
    checkString(pool, id);
  }
  let buckets = 0;
  for (const id of pool.buckets) if (id !== 0) buckets++;
  const free = new Set(pool.freeIds);
  for (const id of free) if (pool.references[id] !== 0) broken(id, 'is free and held');
  if (
    strings !== size ||
    bytes !== pool.liveBytes ||
    buckets !== strings ||
    free.size !== pool.freeIds.length ||
    strings + free.size + 1 !== pool.idCount
  ) {
    broken(
      null,
      `counts ${size} strings of ${pool.liveBytes} bytes and has ${strings} of ${bytes}`,
    );
  }
}

/** The bytes that are counted for live rows, added up anew. */
export function checkMemory(state: TitleState): void {
  let bytes = state.pool.tables.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  if (bytes !== state.pool.tables.arenaBytes) {
    throw new BrokenInvariant(
      'memory',
      { place: 'strings', key: null },
      `take ${bytes} bytes and count ${state.pool.tables.arenaBytes}`,
    );
  }
  bytes = state.pool.memoryBytes;
  for (const { pages, keys, indexes } of state.tables.values()) {
    for (const page of pages.pages) bytes += page.u32.byteLength;
    bytes += keys.memoryBytes;
    for (const index of indexes) bytes += index.memoryBytes;
  }
  if (bytes === state.memoryBytes) return;
  throw new BrokenInvariant(
    'memory',
    { place: 'live rows', key: null },
    `take ${bytes} bytes and count ${state.memoryBytes}`,
  );
}

/** The bytes that are counted for answers, added up anew. */
export function checkAnswerMemory({ sessions, answerMemory }: Projection): void {
  let bytes = 0;
  for (const { ledger } of sessions.values()) bytes += ledger.memoryBytes;
  if (bytes === answerMemory.bytes) return;
  throw new BrokenInvariant(
    'memory',
    { place: 'answers', key: null },
    `take ${bytes} bytes and count ${answerMemory.bytes}`,
  );
}

function countRows({ layout, pages }: StateTable, held: Uint32Array): void {
  for (let index = 0; index < pages.pages.length; index++) {
    const { u32 } = pages.page(index << pageRowBits);
    for (const { word } of layout.pooled) {
      for (let row = 0, offset = 0; row < pageRows; row++, offset += layout.wordsPerRow) {
        if (u32[offset + versionWord] === 0) continue;
        const id = u32[offset + word] as number;
        held[id] = (held[id] as number) + 1;
      }
    }
  }
}

function countWords({ pooled, words }: ColumnWords, held: Uint32Array): void {
  if (!pooled) return;
  for (const id of words) held[id] = (held[id] as number) + 1;
}

/**
 * The bytes of the string `id` hash to its hash, and whoever looks for them comes to this id and to
 * no other first.
 */
function checkString(pool: PoolTables, id: number): void {
  const chunk = pool.chunks[pool.chunkOf[id] as number];
  const from = pool.offsetOf[id] as number;
  const end = from + (pool.lengthOf[id] as number);
  if (!chunk || end > chunk.length) broken(id, 'lies in no memory');
  const hash = pool.hashOf[id] as number;
  if (hashBytes(chunk, from, end) !== hash) broken(id, 'has bytes that are not its hash');
  const mask = pool.buckets.length - 1;
  for (let bucket = hash & mask; ; bucket = (bucket + 1) & mask) {
    const other = pool.buckets[bucket] as number;
    if (other === id) return;
    if (other === 0) broken(id, 'is not found under its hash');
    if (pool.hashOf[other] === hash && isEqual(pool, id, other)) broken(id, `is also ${other}`);
  }
}

function isEqual(pool: PoolTables, left: number, right: number): boolean {
  return Buffer.compare(bytesOf(pool, left), bytesOf(pool, right)) === 0;
}

function bytesOf(pool: PoolTables, id: number): Uint8Array {
  const from = pool.offsetOf[id] as number;
  const chunk = pool.chunks[pool.chunkOf[id] as number] ?? new Uint8Array(0);
  return chunk.subarray(from, from + (pool.lengthOf[id] as number));
}

function broken(id: number | null, complaint: string): never {
  const key = id === null ? null : `id=${id}`;
  throw new BrokenInvariant('strings', { place: 'strings', key }, complaint);
}
