import { plainColumn } from '../../model/plain-column.ts';
import { utf8 } from '../../model/utf8.ts';
import { BytePool } from '../../state/byte-pool.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { CapturedChunk, PartRows } from '../checkpoint/checkpoint-part.ts';
import { assertBinaryBytes, binaryOf } from '../checkpoint/part-columns.ts';
import type { TextNumbers } from './text-numbers.ts';

/** The column of a dictionary's texts in a checkpoint, in the order of their numbers. */
const textColumn = plainColumn('text', 'string');

/**
 * Numbers distinct byte strings from 0 in the order they are first seen. Looks bytes up where they
 * lie in a column's data, so that a string seen before is neither decoded nor copied; a text is
 * decoded when it is first asked for, and kept with the newest others. For sources whose rows only
 * come: no number is ever free again.
 */
export class ByteDictionary implements PartRows, TextNumbers {
  readonly columns = [textColumn];
  /** Its ids are one more: nothing is ever released, so they follow each other. */
  readonly #pool = new BytePool(firstBytes);
  readonly #texts = new Map<number, string>();
  #lastText: string | null = null;
  #lastId = 0;

  get size(): number {
    return this.#pool.size;
  }

  get memoryBytes(): number {
    return this.#pool.memoryBytes;
  }

  id(data: Uint8Array, start: number, end: number): number {
    return this.#pool.intern(data, start, end) - 1;
  }

  find(text: string): number {
    const bytes = encoder.encode(text);
    return this.#pool.find(bytes, 0, bytes.length) - 1;
  }

  /** As `id`, remembering the last text: a tick has one session, and the next tick often the same. */
  idOfText(text: string): number {
    if (text !== this.#lastText) {
      const bytes = encoder.encode(text);
      this.#lastId = this.id(bytes, 0, bytes.length);
      this.#lastText = text;
    }
    return this.#lastId;
  }

  text(id: number): string {
    let text = this.#texts.get(id);
    if (text === undefined) {
      text = utf8.decode(this.bytes(id));
      if (this.#texts.size >= textsDecodedMax) this.#texts.clear();
      this.#texts.set(id, text);
    }
    return text;
  }

  bytes(id: number): Uint8Array {
    return this.#pool.bytes(id + 1);
  }

  compare(left: number, right: number): number {
    return this.#pool.compare(left + 1, right + 1);
  }

  /** Every number is held for good. */
  retain(): void {}

  release(): void {}

  /** Copies nothing now: bytes stay where they came to lie. */
  capture(from: number, to: number): CapturedChunk {
    return (memory) => {
      const length = to - from;
      const offsets = memory.int32s(length + 1);
      let bytes = 0;
      for (let i = 0; i < length; i++) {
        bytes += this.#pool.byteLength(from + i + 1);
        assertBinaryBytes(textColumn, bytes);
        offsets[i + 1] = bytes;
      }
      const data = memory.bytes(bytes);
      for (let i = 0; i < length; i++) this.#pool.copyTo(from + i + 1, data, offsets[i] as number);
      const texts = { column: textColumn, length, offsets, data, validity: null };
      return { length, vectors: [{ layout: 'binary', ...texts }] };
    };
  }

  load(pieces: readonly (readonly ColumnVector[])[]): void {
    for (const { length, offsets, data } of pieces.flat().map(binaryOf)) {
      for (let i = 0; i < length; i++)
        this.id(data, offsets[i] as number, offsets[i + 1] as number);
    }
  }
}

const encoder = new TextEncoder();

/** Many columns have few texts. */
const firstBytes = 4096;

/** Texts kept decoded: those asked for since there were as many. */
const textsDecodedMax = 65_536;
