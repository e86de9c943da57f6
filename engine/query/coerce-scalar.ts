import { isCalendarDay } from '../model/calendar-day.ts';
import { EngineError } from '../model/errors.ts';
import { isPosition, type Kind, kindOf, kinds, partColumns } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import { formatPosition, parsePosition } from '../model/position.ts';
import type { ColumnDefinition, Parts, Scalar, ScalarKind } from '../model/types.ts';

/**
 * A value from outside in the column's in-memory shape (`Scalar`), for one element of a list
 * column too. Beside that shape it takes what clients can write:
 *
 * | kind | also |
 * |---|---|
 * | i64, u64 | safe integers, decimal strings |
 * | other integers, timestamp | bigint |
 * | f32 | any number, rounded to the nearest f32 |
 * | timestamp | ISO 8601 with a zone, or a date alone (UTC); Date |
 * | uuid | upper case |
 * | bytes | base64 |
 * | vec3 | parts that are any numbers, rounded to the nearest f32 |
 *
 * Throws `BAD_USER_INPUT` (`LIMIT_EXCEEDED` for size) that names `path` and what is wanted.
 */
export function coerceScalar(column: ColumnDefinition, value: unknown, path: string): Scalar {
  switch (kindOf(column).form) {
    case 'bool':
      return typeof value === 'boolean' ? value : refuse(path, 'true or false', value);
    case 'integer':
      return integer(path, value, kindOf(column));
    case 'float':
      return float(path, value, column.kind);
    case 'timestamp':
      return timestamp(path, value);
    case 'text':
      return isPosition(column) ? position(path, value) : text(path, value, 'a string');
    case 'json':
      return text(path, value, 'JSON text');
    case 'enum':
      return enumValue(path, value, column.values);
    case 'uuid':
      return uuid(path, value);
    case 'bytes':
      return bytes(path, value);
    case 'parts':
      return parts(column, path, value);
  }
}

function parts(column: ColumnDefinition, path: string, value: unknown): Parts {
  const names = kindOf(column).parts?.names ?? [];
  const given = typeof value === 'object' && value !== null ? value : {};
  if (Object.keys(given).length !== names.length || !names.every((name) => name in given)) {
    return refuse(path, `{ ${names.join(', ')} }, each a number`, value);
  }
  const coerced = partColumns(column).map((part, i) => {
    const name = names[i] as string;
    return [name, coerceScalar(part, given[name as never], `${path}.${name}`)];
  });
  return Object.fromEntries(coerced);
}

function integer(path: string, value: unknown, { range, wideRange }: Kind): number | bigint {
  const [low, high] = wideRange ?? range ?? [0, 0];
  const wanted = `an integer from ${low} to ${high}`;
  let whole: bigint;
  if (typeof value === 'bigint') {
    whole = value;
  } else if (typeof value === 'number' && Number.isInteger(value)) {
    // Past 2^53 the number is not what its writer wrote.
    if (!Number.isSafeInteger(value)) refuse(path, `${wanted}, past 2^53 as a string`, value);
    whole = BigInt(value);
  } else if (wideRange && typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    whole = BigInt(value);
  } else {
    return refuse(path, wanted, value);
  }
  if (whole < low || whole > high) return refuse(path, wanted, value);
  return wideRange ? whole : Number(whole);
}

function float(path: string, value: unknown, kind: ScalarKind): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return refuse(path, 'a finite number', value);
  }
  if (kind === 'f64') return value;
  const rounded = Math.fround(value);
  return Number.isFinite(rounded) ? rounded : refuse(path, 'a number in the range of f32', value);
}

const isoDate =
  /^(\d{4}-\d\d-\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

/** Whether a text is a moment of a day that there is: `Date.parse` makes March 2 of February 30. */
function isMoment(text: string): boolean {
  const day = isoDate.exec(text)?.[1];
  return day !== undefined && isCalendarDay(day);
}

function timestamp(path: string, value: unknown): number {
  const wanted = 'a time: ISO 8601 with a zone ("2026-01-31T12:00:00Z") or milliseconds since 1970';
  let ms: number;
  if (value instanceof Date) ms = value.getTime();
  else if (typeof value === 'string' && isMoment(value)) ms = Date.parse(value);
  else if (typeof value === 'number' || typeof value === 'bigint') ms = Number(value);
  else return refuse(path, wanted, value);
  const [low, high] = kinds.timestamp.range ?? [0, 0];
  if (!Number.isInteger(ms) || ms < low || ms > high) return refuse(path, wanted, value);
  return ms + 0; // minus zero becomes zero
}

function text(path: string, value: unknown, wanted: string): string {
  if (typeof value !== 'string') return refuse(path, wanted, value);
  // Half a surrogate pair cannot be stored as UTF-8, so it could never be found.
  if (/\p{Surrogate}/u.test(value)) refuse(path, `${wanted} of whole Unicode characters`, value);
  checkSize(path, Buffer.byteLength(value));
  return value;
}

function position(path: string, value: unknown): string {
  try {
    return formatPosition(parsePosition(text(path, value, 'a position')));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return refuse(path, 'a position of this title ("0:<lsn>")', value);
  }
}

function enumValue(path: string, value: unknown, values: readonly string[]): string {
  if (typeof value !== 'string') return refuse(path, 'one of the values of the enum', value);
  if (values.includes(value)) return value;
  throw new EngineError(
    'BAD_USER_INPUT',
    `${path}: ${show(value)} is no value of the enum; ${didYouMean(value, values)}`,
    { details: { path } },
  );
}

function uuid(path: string, value: unknown): string {
  const wanted = 'a UUID like "123e4567-e89b-12d3-a456-426614174000"';
  if (typeof value !== 'string') return refuse(path, wanted, value);
  const isUuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(value);
  return isUuid ? value.toLowerCase() : refuse(path, wanted, value);
}

function bytes(path: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) {
    checkSize(path, value.length);
    return value;
  }
  if (typeof value !== 'string') return refuse(path, 'base64', value);
  checkSize(path, Buffer.byteLength(value, 'base64'));
  const isBase64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(value);
  if (!isBase64) return refuse(path, 'base64', value);
  return new Uint8Array(Buffer.from(value, 'base64'));
}

function checkSize(path: string, bytesCount: number): void {
  if (bytesCount <= limits.valueBytesMax) return;
  throw new EngineError(
    'LIMIT_EXCEEDED',
    `${path}: a value may have ${limits.valueBytesMax} bytes at most`,
    { details: { path, limit: 'valueBytesMax', max: limits.valueBytesMax } },
  );
}

function refuse(path: string, wanted: string, value: unknown): never {
  throw new EngineError('BAD_USER_INPUT', `${path}: must be ${wanted}, not ${show(value)}`, {
    details: { path },
  });
}

const shownMax = 40;

/** A value in a message: short, and telling a string from a number. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > shownMax ? `${value.slice(0, shownMax)}…` : value);
  }
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return Object.is(value, -0) ? '-0' : String(value);
}
