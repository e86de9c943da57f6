import { utf8 } from '../../model/utf8.ts';
import { BytePool, noBytes } from '../../state/byte-pool.ts';
import type { TextNumbers } from './text-numbers.ts';

/**
 * Numbers of texts that come and go: a number that nobody retains is free again once the tick that
 * asked for it is folded in (`endTick`). Number 0 is no text.
 */
export class PooledTexts implements TextNumbers {
  readonly #pool = new BytePool();
  /** Numbers asked for by the tick at hand: each is one reference. */
  readonly #lent: number[] = [];

  get memoryBytes(): number {
    return this.#pool.memoryBytes;
  }

  /** Texts held. */
  get size(): number {
    return this.#pool.size;
  }

  id(data: Uint8Array, start: number, end: number): number {
    const id = this.#pool.intern(data, start, end);
    this.#lent.push(id);
    return id;
  }

  idOfText(text: string): number {
    const bytes = encoder.encode(text);
    return this.id(bytes, 0, bytes.length);
  }

  find(text: string): number {
    const bytes = encoder.encode(text);
    const id = this.#pool.find(bytes, 0, bytes.length);
    return id === noBytes ? -1 : id;
  }

  text(id: number): string {
    return utf8.decode(this.#pool.bytes(id));
  }

  compare(left: number, right: number): number {
    return this.#pool.compare(left, right);
  }

  bytes(id: number): Uint8Array {
    return this.#pool.bytes(id);
  }

  retain(id: number): void {
    this.#pool.retain(id);
  }

  release(id: number): void {
    this.#pool.release(id);
  }

  /** Gives back what the tick asked for and nobody retained. */
  endTick(): void {
    for (const id of this.#lent) this.#pool.release(id);
    this.#lent.length = 0;
  }
}

const encoder = new TextEncoder();
