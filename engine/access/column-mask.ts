import { createHmac } from 'node:crypto';
import type { Value } from '../model/types.ts';
import type { ColumnShown } from './table-access.ts';

/** How much of a keyed hash, as base64url, makes a pseudonym: 132 bits. */
export const pseudonymChars = 22;
/** Bytes that SHA-256 takes in at once; HMAC lays its key out over so many. */
const blockBytes = 64;

/** Gives what stands in the place of masked values. One for a title: its key is the title's secret. */
export class ColumnMasks {
  readonly #key: () => Uint8Array;

  /** `key`: 32 random bytes, the same over restarts; another once it was rotated. */
  constructor(key: () => Uint8Array) {
    this.#key = key;
  }

  /**
   * What HMAC puts before a text and before the hash of that, as hexadecimal digits: all that makes
   * pseudonyms where this code does not run. As secret as the key.
   */
  get pads(): { readonly inner: string; readonly outer: string } {
    const pad = (filler: number) => {
      const bytes = Buffer.alloc(blockBytes, filler);
      for (const [i, byte] of this.#key().entries()) bytes[i] = byte ^ filler;
      return bytes.toString('hex');
    };
    return { inner: pad(0x36), outer: pad(0x5c) };
  }

  /**
   * The value as it is shown. A pseudonym is 22 characters of base64url, 132 bits of HMAC-SHA-256 over
   * the column's name and the text: equal texts of two columns have different ones.
   */
  shown(value: Value, table: string, column: string, as: ColumnShown): Value {
    if (as === 'plain' || value === null) return value;
    if (as !== 'hash' || typeof value !== 'string') return null;
    const hash = createHmac('sha256', this.#key());
    hash.update(`${pseudonymScope(table, column)}${value}`);
    return hash.digest('base64url').slice(0, pseudonymChars);
  }
}

/** What stands before a text that is hashed, so that equal texts of two columns differ. */
export function pseudonymScope(table: string, column: string): string {
  return `${table}\0${column}\0`;
}
