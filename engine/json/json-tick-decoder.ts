import { isUtf8 } from 'node:buffer';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { checkActionValues } from '../tick/batch-check.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import { ColumnMemory } from '../vectors/column-memory.ts';
import { BodyText } from './body-text.ts';
import { JsonCursor } from './json-cursor.ts';
import { notTaken } from './not-taken.ts';
import { TickReader } from './tick-reader.ts';

/** A tick, and the place behind its JSON. */
export interface DecodedJson {
  readonly batch: TickBatch;
  readonly end: number;
  /** The memory of all its columns. */
  readonly buffers: readonly ArrayBuffer[];
}

/**
 * Decodes a tick from the JSON of a `CommitTickInput`, byte by byte, straight into columns.
 *
 * It is optimistic: of anything that is not quite as usual it says nothing but null, and the caller
 * takes the general path (GraphQL's coercion, `buildTickBatch`) from the same bytes. What it does
 * decode is the same batch that the general path makes, down to the bytes of the record.
 */
export class JsonTickDecoder {
  readonly #catalog: Catalog;
  #reader: TickReader;
  /** Bytes of columns for a byte of JSON: the most that recent ticks had. */
  #ratio = 0.5;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#reader = new TickReader(catalog);
  }

  /** Decodes the value that stands at `at` of a body. */
  decode(body: Buffer, at: number): DecodedJson | null {
    // The cursor counts on it; the general path says what is wrong.
    if (!isUtf8(body)) return null;
    const json = new JsonCursor(body, at);
    const memory = new ColumnMemory(Math.ceil(body.length * this.#ratio * 1.05) + spareBytes);
    try {
      const batch = this.#reader.read(json, new BodyText(body), memory);
      checkActionValues(batch);
      this.#ratio = Math.max(memory.usedBytes / body.length, this.#ratio * 0.95);
      return { batch, end: json.at, buffers: memory.buffers };
    } catch (error) {
      if (error === notTaken || error instanceof EngineError) return null;
      throw error;
    } finally {
      if (this.#reader.scratch.isSpent) this.#reader = new TickReader(this.#catalog);
    }
  }
}

/** For what does not grow with the tick, such as a column more than the tick before had. */
const spareBytes = 256;
