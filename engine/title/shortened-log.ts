import type { Durability } from '../log/commit-log.ts';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';

export interface HowLogged {
  readonly durability: Durability;
  readonly truncateAt?: Lsn | null;
}

/**
 * The column store gets what is durable, so it is never ahead of a log that is written strictly,
 * unless its end was cut, or is gone; then this throws `UNAVAILABLE`.
 */
export function refuseShortened({ durability, truncateAt }: HowLogged, held: Lsn, last: Lsn): void {
  const isShortened = durability.mode === 'strict' && held > last && truncateAt !== last + 1;
  if (isShortened) throw shortenedError(held, last);
}

function shortenedError(held: Lsn, last: Lsn): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `the log ends with record ${last}, and the column store has rows up to record ${held}: files of ` +
      'the log are missing, or its end is damaged, or it was written in a durability that does not ' +
      'sync, before a power failure. Restore what is missing, or a backup; or start once with ' +
      `--truncate-at ${last + 1}, which gives the records from there up, acknowledged or not, and ` +
      'deletes their rows from the column store. Nothing was deleted.',
    { details: { lastLsn: last, columnsLsn: held } },
  );
}
