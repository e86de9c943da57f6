import { ReplayError } from './replay-error.ts';

/**
 * Reads little-endian values forwards within `[offset, end)` of a replay. Every read checks the
 * bound, so a damaged length can neither run past its command nor past the file.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(what: string): number {
    return this.#view.getUint8(this.#advance(1, what));
  }

  u16(what: string): number {
    return this.#view.getUint16(this.#advance(2, what), true);
  }

  u32(what: string): number {
    return this.#view.getUint32(this.#advance(4, what), true);
  }

  i32(what: string): number {
    return this.#view.getInt32(this.#advance(4, what), true);
  }

  f32(what: string): number {
    return this.#view.getFloat32(this.#advance(4, what), true);
  }

  /** The bytes themselves, not a copy. */
  bytes(count: number, what: string): Uint8Array {
    const start = this.#advance(count, what);
    return this.#bytes.subarray(start, start + count);
  }

  skip(count: number, what: string): void {
    this.#advance(count, what);
  }

  /** UTF-8 up to a zero byte, which is consumed. Damaged UTF-8 becomes replacement characters. */
  string(what: string): string {
    const zero = this.#bytes.indexOf(0, this.offset);
    if (zero < 0 || zero >= this.end) {
      throw this.error(`${what}, ended by a zero byte`, `none in ${this.remaining} bytes`);
    }
    const text = utf8.decode(this.#bytes.subarray(this.offset, zero));
    this.offset = zero + 1;
    return text;
  }

  /** u32 count, then so many u32. The count is checked against the bytes before allocating. */
  u32List(what: string): number[] {
    const count = this.u32(`the number of ${what}`);
    const most = Math.floor(this.remaining / 4);
    if (count > most) {
      this.offset -= 4;
      throw this.error(`at most ${most} ${what}`, `${count}`);
    }
    const list = new Array<number>(count);
    for (let i = 0; i < count; i++) list[i] = this.u32(what);
    return list;
  }

  /** An error at the current offset, to throw. */
  error(expected: string, found: string): ReplayError {
    return new ReplayError('replay', this.offset, expected, found);
  }

  #advance(count: number, what: string): number {
    const start = this.offset;
    if (count > this.end - start) {
      throw this.error(`${what} (${count} bytes)`, `only ${this.end - start} bytes`);
    }
    this.offset = start + count;
    return start;
  }
}

const utf8 = new TextDecoder();
