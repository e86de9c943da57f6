import { isCalendarDay } from '../../../model/calendar-day.ts';
import { EngineError } from '../../../model/errors.ts';
import type { Value } from '../../../model/types.ts';
import type { ParameterValue } from '../../client.ts';

/**
 * Values as ClickHouse's parameters want them, each checked against the types that the text gives
 * it: ClickHouse itself lets a number wrap (300 as UInt8 is 44) and a date roll over.
 */
export function readParameters(
  values: Readonly<Record<string, Value>>,
  named: readonly { readonly name: string; readonly type: string }[],
): Record<string, ParameterValue> {
  const parameters: Record<string, ParameterValue> = {};
  for (const [name, value] of Object.entries(values)) {
    if (!/^\w{1,64}$/.test(name)) {
      throw new EngineError('BAD_USER_INPUT', `"${name}" cannot name a parameter`);
    }
    if (!named.some((one) => one.name === name)) {
      throw new EngineError('BAD_USER_INPUT', `SQL: the text names no parameter "${name}"`, {
        details: { path: `parameters.${name}` },
      });
    }
    parameters[name] = parameterValue(name, value);
  }
  for (const { name, type } of named) {
    if (!(name in parameters)) {
      throw new EngineError('BAD_USER_INPUT', `SQL: the parameter "${name}" has no value`, {
        details: { path: `parameters.${name}` },
      });
    }
    requireFits(name, parameters[name] ?? null, type);
  }
  return parameters;
}

function parameterValue(name: string, value: Value): ParameterValue {
  if (value instanceof Uint8Array) {
    throw new EngineError('BAD_USER_INPUT', `parameter "${name}": bytes cannot be given; use hex`);
  }
  if (Array.isArray(value)) return value.map((item) => parameterValue(name, item) as never);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' && value.includes('\0')) {
    throw new EngineError('BAD_USER_INPUT', `parameter "${name}" holds a NUL character`);
  }
  return value as ParameterValue;
}

function requireFits(name: string, value: ParameterValue, type: string): void {
  const wrapped = /^(Array|Nullable|LowCardinality)\s*\((.*)\)$/i.exec(type);
  if (wrapped?.[1]?.toLowerCase() === 'array') {
    // A text may be a whole list in ClickHouse's writing, whose parts are seen by ClickHouse alone.
    if (!Array.isArray(value)) throw misfit(name, value, type);
    for (const item of value) requireFits(name, item as ParameterValue, wrapped[2] ?? '');
    return;
  }
  if (wrapped) {
    const isNull = value === null && wrapped[1]?.toLowerCase() === 'nullable';
    if (!isNull) requireFits(name, value, wrapped[2] ?? '');
    return;
  }
  if (value === null) throw misfit(name, value, type);
  const [low, high] = integerRange(type) ?? [];
  if (low !== undefined && high !== undefined) {
    const text = String(value);
    if (typeof value === 'boolean' || !/^[+-]?\d{1,80}$/.test(text))
      throw misfit(name, value, type);
    const number = BigInt(text.replace('+', ''));
    if (number < low || number > high) throw misfit(name, value, type);
    return;
  }
  if (/^(?:Date|Date32|DateTime|DateTime32|DateTime64)\b/i.test(type)) {
    requireDate(name, value, type);
  }
}

const integerAliases: Readonly<Record<string, string>> = {
  tinyint: 'int8',
  smallint: 'int16',
  int: 'int32',
  integer: 'int32',
  signed: 'int64',
  bigint: 'int64',
  unsigned: 'uint64',
};

function integerRange(type: string): readonly [bigint, bigint] | null {
  const lower = type.toLowerCase();
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(integerAliases[lower] ?? lower) ?? [];
  if (bits === undefined) return null;
  const width = BigInt(bits);
  return unsigned === 'u'
    ? [0n, 2n ** width - 1n]
    : [-(2n ** (width - 1n)), 2n ** (width - 1n) - 1n];
}

/** The days and seconds that each type can hold. */
const dateRanges: Readonly<Record<string, readonly [string, string]>> = {
  date: ['1970-01-01', '2149-06-06'],
  date32: ['1900-01-01', '2299-12-31'],
  datetime: ['1970-01-01', '2106-02-06'],
  datetime32: ['1970-01-01', '2106-02-06'],
  datetime64: ['1900-01-01', '2299-12-31'],
};

function requireDate(name: string, value: ParameterValue, type: string): void {
  const text = String(value);
  // Seconds since 1970 are taken too.
  if (/^\d{1,10}(?:\.\d+)?$/.test(text)) {
    if (Number(text) >= 2 ** 32) throw misfit(name, value, type);
    return;
  }
  const day =
    /^(\d{4}-\d{2}-\d{2})(?:[ T]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:\d\d)?$/.exec(
      text,
    )?.[1];
  const [low, high] = dateRanges[/^\w+/.exec(type.toLowerCase())?.[0] ?? ''] ?? ['', ''];
  if (day === undefined || !isCalendarDay(day) || day < low || day > high)
    throw misfit(name, value, type);
}

function misfit(name: string, value: ParameterValue, type: string): EngineError {
  const shown = JSON.stringify(value, (_, part) =>
    typeof part === 'bigint' ? String(part) : part,
  );
  return new EngineError(
    'BAD_USER_INPUT',
    `SQL: the parameter "${name}" is ${shown.slice(0, 80)}, which is no ${type}`,
    { details: { path: `parameters.${name}` } },
  );
}
