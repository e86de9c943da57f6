import { createHmac } from 'node:crypto';
import type { Value } from '../model/types.ts';
import type { ColumnShown } from './table-access.ts';

const pseudonymChars = 22;

/** Gives what stands in the place of masked values. One for a title: its key is the title's secret. */
export class ColumnMasks {
  readonly #key: () => Uint8Array;

  /** `key`: 32 random bytes, the same over restarts; another once it was rotated. */
  constructor(key: () => Uint8Array) {
    this.#key = key;
  }

  /**
   * The value as it is shown. A pseudonym is 22 characters of base64url, 132 bits of HMAC-SHA-256 over
   * the column's name and the text: equal texts of two columns have different ones.
   */
  shown(value: Value, table: string, column: string, as: ColumnShown): Value {
    if (as === 'plain' || value === null) return value;
    if (as !== 'hash' || typeof value !== 'string') return null;
    const hash = createHmac('sha256', this.#key()).update(`${table}\0${column}\0${value}`);
    return hash.digest('base64url').slice(0, pseudonymChars);
  }
}
