import { EngineError } from './errors.ts';

/**
 * A place in a title's log. One shard today; `lsn` counts records from 1, 0 is "before the first".
 * Written `"<shard>:<lsn>"` at the edges.
 */
export type Lsn = number & { readonly __brand: 'Lsn' };

export const lsnZero = 0 as Lsn;

export function asLsn(value: number): Lsn {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an LSN: ${value}`);
  return value as Lsn;
}

export function formatPosition(lsn: Lsn): string {
  return `0:${lsn}`;
}

/**
 * Throws `BAD_USER_INPUT` on anything but a position of this title's shards. `path` names where it
 * was given.
 */
export function parsePosition(text: string, path = ''): Lsn {
  const match = /^(\d{1,5}):(\d{1,16})$/.exec(text);
  const lsn = match ? Number(match[2]) : Number.NaN;
  if (!match || Number(match[1]) !== 0 || !Number.isSafeInteger(lsn)) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `${path === '' ? '' : `${path}: `}"${text}" is not a position of this title ("0:<lsn>")`,
      path === '' ? {} : { details: { path } },
    );
  }
  return lsn as Lsn;
}
