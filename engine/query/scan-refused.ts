import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** What a read answers that would look at all rows of a table and may not; `advice`: what would serve. */
export function scanRefused(
  table: string,
  advice: string,
  rowsMax: number = limits.scanRowsMax,
): EngineError {
  return new EngineError(
    'SCAN_REFUSED',
    `no key or index of ${table} serves this where, and it has more than ${rowsMax} rows; ${advice}`,
    { details: { table, advice, limit: 'scanRowsMax', max: rowsMax } },
  );
}
