import type { FixedArray, FixedValues } from '../model/kinds.ts';
import { aligned } from './aligned.ts';

/**
 * The memory in which columns come to lie: one buffer if the guess was right, so that a tick or a
 * page is one allocation outside the JavaScript heap (where many make V8 collect everything more
 * often), and one buffer to hand to another thread. All of it is zero at first.
 */
export class ColumnMemory {
  readonly #guess: number;
  #buffers: ArrayBuffer[] = [];
  #buffer: ArrayBuffer;
  #at = 0;
  #used = 0;

  /** @param guess how many bytes will be needed in all */
  constructor(guess: number) {
    this.#guess = guess;
    this.#buffer = this.#open(guess);
  }

  get usedBytes(): number {
    return this.#used;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#reserve(length);
    return new Uint8Array(this.#buffer, at, length);
  }

  int32s(length: number): Int32Array {
    const at = this.#reserve(length * 4);
    return new Int32Array(this.#buffer, at, length);
  }

  uint32s(length: number): Uint32Array {
    const at = this.#reserve(length * 4);
    return new Uint32Array(this.#buffer, at, length);
  }

  copyOf(values: Uint32Array): Uint32Array {
    const copy = this.uint32s(values.length);
    copy.set(values);
    return copy;
  }

  fixed(type: FixedArray, length: number): FixedValues {
    const at = this.#reserve(length * type.BYTES_PER_ELEMENT);
    return new type(this.#buffer, at, length);
  }

  /** Begins anew in the same memory: what was handed out must not be read any more. */
  reset(): void {
    if (this.#buffers.length > 1) {
      // The guess was too low: one buffer of what it took.
      this.#buffers = [];
      this.#buffer = this.#open(this.#used);
    } else {
      new Uint8Array(this.#buffer, 0, this.#at).fill(0);
    }
    this.#at = 0;
    this.#used = 0;
  }

  /** The place of so many bytes in `#buffer`, a multiple of 8. */
  #reserve(bytes: number): number {
    const padded = aligned(bytes);
    if (this.#at + padded > this.#buffer.byteLength) {
      this.#buffer = this.#open(Math.max(padded, this.#guess >>> 2));
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += padded;
    this.#used += padded;
    return at;
  }

  #open(bytes: number): ArrayBuffer {
    const buffer = new ArrayBuffer(bytes);
    this.#buffers.push(buffer);
    return buffer;
  }
}
