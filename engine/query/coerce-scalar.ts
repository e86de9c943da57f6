import { isCalendarDay } from '../model/calendar-day.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import { formatPosition, parsePosition } from '../model/position.ts';
import type { ColumnDefinition, Scalar } from '../model/types.ts';
import { isPosition } from './where-operators.ts';

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
 *
 * Throws `BAD_USER_INPUT` (`LIMIT_EXCEEDED` for size) that names `path` and what is wanted.
 */
export function coerceScalar(column: ColumnDefinition, value: unknown, path: string): Scalar {
  switch (column.kind) {
    case 'bool':
      return typeof value === 'boolean' ? value : refuse(path, 'true or false', value);
    case 'i8':
    case 'i16':
    case 'i32':
    case 'u8':
    case 'u16':
    case 'u32':
      return Number(integer(path, value, column.kind, false));
    case 'i64':
    case 'u64':
      return integer(path, value, column.kind, true);
    case 'f32':
    case 'f64':
      return float(path, value, column.kind);
    case 'timestamp':
      return timestamp(path, value);
    case 'string':
      return isPosition(column) ? position(path, value) : text(path, value, 'a string');
    case 'json':
      return text(path, value, 'JSON text');
    case 'enum':
      return enumValue(path, value, column.values);
    case 'uuid':
      return uuid(path, value);
    case 'bytes':
      return bytes(path, value);
  }
}

const ranges = {
  i8: [-(2n ** 7n), 2n ** 7n - 1n],
  i16: [-(2n ** 15n), 2n ** 15n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u8: [0n, 2n ** 8n - 1n],
  u16: [0n, 2n ** 16n - 1n],
  u32: [0n, 2n ** 32n - 1n],
  u64: [0n, 2n ** 64n - 1n],
} as const;

function integer(path: string, value: unknown, kind: keyof typeof ranges, wide: boolean): bigint {
  const [low, high] = ranges[kind];
  const wanted = `an integer from ${low} to ${high}`;
  let whole: bigint;
  if (typeof value === 'bigint') {
    whole = value;
  } else if (typeof value === 'number' && Number.isInteger(value)) {
    // Past 2^53 the number is not what its writer wrote.
    if (!Number.isSafeInteger(value)) refuse(path, `${wanted}, past 2^53 as a string`, value);
    whole = BigInt(value);
  } else if (wide && typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    whole = BigInt(value);
  } else {
    return refuse(path, wanted, value);
  }
  return whole < low || whole > high ? refuse(path, wanted, value) : whole;
}

function float(path: string, value: unknown, kind: 'f32' | 'f64'): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return refuse(path, 'a finite number', value);
  }
  if (kind === 'f64') return value;
  const rounded = Math.fround(value);
  return Number.isFinite(rounded) ? rounded : refuse(path, 'a number in the range of f32', value);
}

const timestampMsMax = 8_640_000_000_000_000;
const isoDate =
  /^(\d{4}-\d\d-\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

/** Of a day that there is: `Date.parse` makes March 2 of February 30. */
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
  if (!Number.isInteger(ms) || Math.abs(ms) > timestampMsMax) return refuse(path, wanted, value);
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
