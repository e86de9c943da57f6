import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Scalar } from '../../model/types.ts';

/**
 * Bounds what a body may grow to. Texts of a dictionary, views and the values of a `require` stand
 * in a body once and are written out by row: a body of a megabyte could ask for a terabyte. What
 * they come to must fit in the log's record, which holds them all.
 */
export class ExpansionBudget {
  #bytesLeft: number = limits.logRecordBytesMax;

  /** Throws `LIMIT_EXCEEDED` when the body's values come to more than a record can hold. */
  charge(value: Scalar, times: number, place: string): void {
    this.#bytesLeft -= bytesOf(value) * times;
    if (this.#bytesLeft >= 0) return;
    throw new EngineError(
      'LIMIT_EXCEEDED',
      `${place} and what comes before it, written out, have more than ${limits.logRecordBytesMax} bytes`,
      { details: { path: place, limit: 'logRecordBytesMax', max: limits.logRecordBytesMax } },
    );
  }
}

function bytesOf(value: Scalar): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.length : 8;
}
