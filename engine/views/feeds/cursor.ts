import { EngineError } from '../../model/errors.ts';
import { asLsn, type Lsn } from '../../model/position.ts';

/** What a cursor says, beside being opaque to clients. */
export interface Cursor {
  /** The view or state table. */
  readonly source: string;
  /** The digest of the definition of the source's rows and of the subscription's `where`. */
  readonly definition: string;
  readonly lsn: Lsn;
  /**
   * The feed's last change at or before `lsn`, as its log stamped it. A server that lost the end
   * of its log (it may, in the modes that do not sync) gives the same positions to other ticks;
   * their stamps differ.
   */
  readonly stamp: number;
}

const format = 1;

/** Base64url of a JSON list; its first member is the version of the format. */
export function encodeCursor({ source, definition, lsn, stamp }: Cursor): string {
  return Buffer.from(JSON.stringify([format, source, definition, lsn, stamp])).toString(
    'base64url',
  );
}

/** Throws `BAD_USER_INPUT` on what is no cursor at all. */
export function decodeCursor(text: string): Cursor {
  const parts = text.length <= cursorCharsMax && base64url.test(text) ? parse(text) : null;
  if (Array.isArray(parts) && parts.length === 5 && parts[0] === format) {
    const [, source, definition, lsn, stamp] = parts as readonly unknown[];
    if (
      typeof source === 'string' &&
      typeof definition === 'string' &&
      Number.isSafeInteger(lsn) &&
      (lsn as number) >= 0 &&
      typeof stamp === 'number'
    ) {
      return { source, definition, lsn: asLsn(lsn as number), stamp };
    }
  }
  throw new EngineError(
    'BAD_USER_INPUT',
    'cursor: must be the cursor of an earlier frame, unchanged; leave it out to start with a snapshot',
    { details: { path: 'cursor' } },
  );
}

const cursorCharsMax = 1024;
const base64url = /^[\w-]+$/;

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
