import { describe, expect, test } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { columns } from './columns.ts';

function parse(where: unknown): Condition {
  return parseWhere(columns, where, 'where');
}

/** `CODE message` of the refusal. */
function refusal(where: unknown): string {
  try {
    parse(where);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    expect(error.message.startsWith(`${String(error.details.path)}: `)).toBe(true);
    return `${error.code} ${error.message}`;
  }
  throw new Error('was accepted');
}

describe('a where', () => {
  test('that is absent or empty holds for every row', () => {
    for (const where of [undefined, null, {}, { u32: undefined }, { u32: {} }, { and: [] }]) {
      expect(parse(where)).toEqual({ kind: 'and', all: [] });
    }
  });

  test('with one condition is that condition', () => {
    expect(parse({ u32: { eq: 3 } })).toEqual({
      kind: 'compare',
      column: 'u32',
      op: 'eq',
      value: 3,
    });
  });

  test('with several is their conjunction, laid flat', () => {
    const where = {
      u32: { gt: 0, lte: 9 },
      and: [{ bool: { eq: true } }, { and: [{ u8: { ne: 1 } }, { u16: { lt: 2 } }] }],
    };
    expect(parse(where)).toEqual({
      kind: 'and',
      all: [
        { kind: 'compare', column: 'u32', op: 'gt', value: 0 },
        { kind: 'compare', column: 'u32', op: 'lte', value: 9 },
        { kind: 'compare', column: 'bool', op: 'eq', value: true },
        { kind: 'compare', column: 'u8', op: 'ne', value: 1 },
        { kind: 'compare', column: 'u16', op: 'lt', value: 2 },
      ],
    });
  });

  test('keeps alternatives and negations apart', () => {
    const where = {
      or: [{ u8: { eq: 1 } }, { not: { u8: { in: [2, 3] } } }],
      u16: { isNull: false },
    };
    expect(parse(where)).toEqual({
      kind: 'and',
      all: [
        {
          kind: 'or',
          any: [
            { kind: 'compare', column: 'u8', op: 'eq', value: 1 },
            { kind: 'not', inner: { kind: 'in', column: 'u8', values: [2, 3] } },
          ],
        },
        { kind: 'isNull', column: 'u16', isNull: false },
      ],
    });
  });

  test('without alternatives holds for no row', () => {
    expect(parse({ or: [] })).toEqual({ kind: 'or', any: [] });
  });

  test('may come from GraphQL, as objects without a prototype', () => {
    const where = Object.assign(Object.create(null), {
      u8: Object.assign(Object.create(null), { eq: 1 }),
    });
    expect(parse(where)).toEqual({ kind: 'compare', column: 'u8', op: 'eq', value: 1 });
  });

  test('takes both ends of between in a list of two', () => {
    expect(parse({ u32: { between: [1, 5] } })).toEqual({
      kind: 'between',
      column: 'u32',
      low: 1,
      high: 5,
    });
  });

  test('ignores an operator that is undefined', () => {
    expect(parse({ u32: { eq: undefined, lt: 4 } })).toEqual({
      kind: 'compare',
      column: 'u32',
      op: 'lt',
      value: 4,
    });
  });
});

describe('a value becomes what the column holds', () => {
  const date = Date.UTC(2026, 0, 31, 12);
  test.each<[string, unknown, unknown]>([
    ['i8', -128, -128],
    ['u16', 65_535, 65_535],
    ['u32', 7n, 7],
    ['i32', -0, 0],
    ['i64', 12, 12n],
    ['i64', '-9223372036854775808', -(2n ** 63n)],
    ['u64', '18446744073709551615', 2n ** 64n - 1n],
    ['u64', 5n, 5n],
    ['f64', 0.1, 0.1],
    ['f32', 0.1, Math.fround(0.1)],
    ['timestamp', date, date],
    ['timestamp', new Date(date), date],
    ['timestamp', '2026-01-31T12:00:00Z', date],
    ['timestamp', '2026-01-31T13:00:00.000+01:00', date],
    ['timestamp', '2026-01-31', Date.UTC(2026, 0, 31)],
    ['uuid', '123E4567-E89B-12D3-A456-426614174000', '123e4567-e89b-12d3-a456-426614174000'],
    ['enum', 'GREEN', 'GREEN'],
    ['bytes', 'AQID', new Uint8Array([1, 2, 3])],
    ['bytes', new Uint8Array([4]), new Uint8Array([4])],
    ['bytes', '', new Uint8Array()],
    ['string', 'ß😀', 'ß😀'],
    ['position', '0:007', '0:7'],
  ])('%s from %o', (column, value, expected) => {
    expect(parse({ [column]: { eq: value } })).toEqual({
      kind: 'compare',
      column,
      op: 'eq',
      value: expected,
    });
  });

  test('at every place of a list', () => {
    expect(parse({ u64: { in: [1, '2', 3n] } })).toEqual({
      kind: 'in',
      column: 'u64',
      values: [1n, 2n, 3n],
    });
  });
});

describe('what is refused is told with its place and its mend', () => {
  test.each<[string, unknown, string]>([
    [
      'an unknown column',
      { u33: { eq: 1 } },
      'BAD_USER_INPUT where.u33: there is no column "u33"; did you mean "u32"?',
    ],
    [
      'an unknown column deep inside',
      { or: [{}, { not: { lst: { isNull: true } } }] },
      'BAD_USER_INPUT where.or[1].not.lst: there is no column "lst"; did you mean "list"?',
    ],
    [
      'an unknown operator',
      { u32: { greater: 1 } },
      'BAD_USER_INPUT where.u32.greater: there is no operator "greater"; known: "eq", "ne", "in", "lt", "lte", "gt", "gte", "between", "isNull"',
    ],
    [
      'a misspelled operator',
      { u32: { isnull: true } },
      'BAD_USER_INPUT where.u32.isnull: there is no operator "isnull"; did you mean "isNull"?',
    ],
    [
      'a bare value',
      { u32: 1 },
      'BAD_USER_INPUT where.u32: must be an object of operators, such as { eq: 1 }',
    ],
    [
      'a column that is null',
      { u32: null },
      'BAD_USER_INPUT where.u32: null is equal to nothing; to ask for null write { isNull: true }',
    ],
    [
      'equality with null',
      { u32: { eq: null } },
      'BAD_USER_INPUT where.u32.eq: null is equal to nothing; to ask for null write { isNull: true }',
    ],
    [
      'null in a list',
      { u32: { in: [1, null] } },
      'BAD_USER_INPUT where.u32.in[1]: null is equal to nothing; to ask for null write { isNull: true }',
    ],
    [
      'a null condition in a list',
      { and: [null] },
      'BAD_USER_INPUT where.and[0]: must be an object of conditions',
    ],
    ['null conditions', { or: null }, 'BAD_USER_INPUT where.or: must be a list of conditions'],
    [
      'an object for a list of conditions',
      { and: { u32: { eq: 1 } } },
      'BAD_USER_INPUT where.and: must be a list of conditions',
    ],
    [
      'a list for one condition',
      { not: [{ u32: { eq: 1 } }] },
      'BAD_USER_INPUT where.not: must be an object of conditions',
    ],
    ['a where that is text', 'u32 = 1', 'BAD_USER_INPUT where: must be an object of conditions'],
    ['a where that is a list', [], 'BAD_USER_INPUT where: must be an object of conditions'],
    [
      'isNull with what is no truth value',
      { u32: { isNull: 1 } },
      'BAD_USER_INPUT where.u32.isNull: must be true or false',
    ],
    [
      'in with what is no list',
      { u32: { in: 1 } },
      'BAD_USER_INPUT where.u32.in: must be a list of values',
    ],
    [
      'between with one value',
      { u32: { between: [1] } },
      'BAD_USER_INPUT where.u32.between: must be a list of two values, [low, high], both included',
    ],
    [
      'between with names',
      { u32: { between: { from: 1, to: 2 } } },
      'BAD_USER_INPUT where.u32.between: must be a list of two values, [low, high], both included',
    ],
    [
      'between with half a value',
      { u32: { between: [1, undefined] } },
      'BAD_USER_INPUT where.u32.between[1]: null is equal to nothing; to ask for null write { isNull: true }',
    ],
    // Operators a column does not have
    [
      'order on an enum',
      { enum: { lt: 'RED' } },
      'BAD_USER_INPUT where.enum.lt: an enum column has no "lt", only "eq", "ne", "in", "isNull"',
    ],
    [
      'order on a UUID',
      { uuid: { gt: '123e4567-e89b-12d3-a456-426614174000' } },
      'BAD_USER_INPUT where.uuid.gt: a uuid column has no "gt", only "eq", "ne", "in", "isNull"',
    ],
    [
      'order on positions',
      { position: { gt: '0:5' } },
      'BAD_USER_INPUT where.position.gt: a position column has no "gt", only "eq", "ne", "in", "isNull"',
    ],
    [
      'equality of json',
      { json: { eq: '{}' } },
      'BAD_USER_INPUT where.json.eq: a json column has no "eq", only "isNull"',
    ],
    [
      'equality of lists',
      { list: { eq: [1] } },
      'BAD_USER_INPUT where.list.eq: a list column has no "eq", only "isNull"',
    ],
    [
      'like on a number',
      { u32: { like: '1%' } },
      'BAD_USER_INPUT where.u32.like: a u32 column has no "like", only "eq", "ne", "in", "lt", "lte", "gt", "gte", "between", "isNull"',
    ],
    [
      'a pattern that ends in a backslash',
      { string: { like: 'a\\' } },
      'BAD_USER_INPUT where.string.like: a backslash must stand before %, _ or another backslash',
    ],
    // Values a column cannot hold
    [
      'text for a number',
      { u32: { eq: '1' } },
      'BAD_USER_INPUT where.u32.eq: must be an integer from 0 to 4294967295, not "1"',
    ],
    [
      'a fraction for an integer',
      { u32: { eq: 1.5 } },
      'BAD_USER_INPUT where.u32.eq: must be an integer from 0 to 4294967295, not 1.5',
    ],
    [
      'an integer below the range',
      { u8: { gte: -1 } },
      'BAD_USER_INPUT where.u8.gte: must be an integer from 0 to 255, not -1',
    ],
    [
      'an integer above the range',
      { i16: { in: [1, 32_768] } },
      'BAD_USER_INPUT where.i16.in[1]: must be an integer from -32768 to 32767, not 32768',
    ],
    [
      'a big integer out of range',
      { u64: { eq: '18446744073709551616' } },
      'BAD_USER_INPUT where.u64.eq: must be an integer from 0 to 18446744073709551615, not "18446744073709551616"',
    ],
    [
      'an integer past what numbers hold',
      { i64: { eq: 2 ** 53 } },
      'BAD_USER_INPUT where.i64.eq: must be an integer from -9223372036854775808 to 9223372036854775807, past 2^53 as a string, not 9007199254740992',
    ],
    [
      'NaN',
      { f64: { eq: Number.NaN } },
      'BAD_USER_INPUT where.f64.eq: must be a finite number, not NaN',
    ],
    [
      'infinity',
      { f64: { lt: Number.POSITIVE_INFINITY } },
      'BAD_USER_INPUT where.f64.lt: must be a finite number, not Infinity',
    ],
    [
      'a float past f32',
      { f32: { lt: 1e39 } },
      'BAD_USER_INPUT where.f32.lt: must be a number in the range of f32, not 1e+39',
    ],
    [
      'a number for a truth value',
      { bool: { eq: 1 } },
      'BAD_USER_INPUT where.bool.eq: must be true or false, not 1',
    ],
    [
      'a number for text',
      { string: { eq: 1 } },
      'BAD_USER_INPUT where.string.eq: must be a string, not 1',
    ],
    [
      'half a surrogate pair',
      { string: { eq: '\ud83d' } },
      'BAD_USER_INPUT where.string.eq: must be a string of whole Unicode characters, not "\\ud83d"',
    ],
    [
      'a value that is not in the enum',
      { enum: { eq: 'GREN' } },
      'BAD_USER_INPUT where.enum.eq: "GREN" is no value of the enum; did you mean "GREEN"?',
    ],
    [
      'what is no UUID',
      { uuid: { eq: '123' } },
      'BAD_USER_INPUT where.uuid.eq: must be a UUID like "123e4567-e89b-12d3-a456-426614174000", not "123"',
    ],
    [
      'a time without a zone',
      { timestamp: { gt: '2026-01-31T12:00:00' } },
      'BAD_USER_INPUT where.timestamp.gt: must be a time: ISO 8601 with a zone ("2026-01-31T12:00:00Z") or milliseconds since 1970, not "2026-01-31T12:00:00"',
    ],
    [
      'a day that is not',
      { timestamp: { gt: '2026-13-01' } },
      'BAD_USER_INPUT where.timestamp.gt: must be a time: ISO 8601 with a zone ("2026-01-31T12:00:00Z") or milliseconds since 1970, not "2026-13-01"',
    ],
    [
      'a date that is none',
      { timestamp: { gt: new Date(Number.NaN) } },
      'BAD_USER_INPUT where.timestamp.gt: must be a time: ISO 8601 with a zone ("2026-01-31T12:00:00Z") or milliseconds since 1970, not an object',
    ],
    [
      'what is no base64',
      { bytes: { eq: 'A===' } },
      'BAD_USER_INPUT where.bytes.eq: must be base64, not "A==="',
    ],
    [
      'what is no position',
      { position: { eq: '5' } },
      'BAD_USER_INPUT where.position.eq: must be a position of this title ("0:<lsn>"), not "5"',
    ],
    [
      'an object for a value',
      { u32: { eq: { raw: 'DROP' } } },
      'BAD_USER_INPUT where.u32.eq: must be an integer from 0 to 4294967295, not an object',
    ],
    [
      'a list for a value',
      { string: { eq: ['a'] } },
      'BAD_USER_INPUT where.string.eq: must be a string, not a list',
    ],
    [
      'a long text, which is told short',
      { u32: { eq: 'x'.repeat(100) } },
      `BAD_USER_INPUT where.u32.eq: must be an integer from 0 to 4294967295, not "${'x'.repeat(40)}…"`,
    ],
  ])('%s', (_, where, message) => {
    expect(refusal(where)).toBe(message);
  });

  test('under the path of the caller', () => {
    const path = 'actions[3].effects[0].unitState.upsert.require';
    expect(() => parseWhere(columns, { u32: { eq: 'a' } }, path)).toThrow(
      `${path}.u32.eq: must be`,
    );
  });

  test('and names of JavaScript’s own objects are columns like any other: unknown', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(refusal({ [name]: { eq: 1 } })).toContain(`there is no column "${name}"`);
    }
    expect(refusal(JSON.parse('{"__proto__": {"eq": 1}}'))).toContain(
      'there is no column "__proto__"',
    );
  });
});

describe('a filter has bounds', () => {
  const deep = (levels: number): object => {
    let where: object = { u32: { eq: 1 } };
    for (let level = 1; level < levels; level++) where = { not: where };
    return where;
  };

  test('in depth', () => {
    expect(parse(deep(limits.filterDepthMax))).toBeDefined();
    expect(refusal(deep(limits.filterDepthMax + 1))).toMatch(
      /^LIMIT_EXCEEDED where(\.not){16}: the condition may be 16 levels deep at most$/,
    );
    expect(refusal(deep(100_000))).toMatch(/^LIMIT_EXCEEDED/);
  });

  test('in the number of values it compares with', () => {
    const values = Array.from({ length: limits.filterTermsMax - 1 }, (_, i) => i);
    expect(parse({ u32: { in: values } })).toBeDefined();
    expect(refusal({ u32: { in: values }, u8: { eq: 1 } })).toBe(
      'LIMIT_EXCEEDED where.u8.eq: the condition may compare with 10000 values at most',
    );
    const conditions = values.slice(0, 5_000).map((value) => ({ u32: { eq: value } }));
    expect(parse({ or: conditions })).toBeDefined();
    expect(refusal({ or: [...conditions, { u32: { eq: 1 } }] })).toMatch(
      /^LIMIT_EXCEEDED where\.or\[4999\]\.u32\.eq: /,
    );
  });

  test('in the number of conditions that compare with nothing', () => {
    const empty = Array.from({ length: limits.filterTermsMax + 1 }, () => ({}));
    expect(refusal({ or: empty })).toMatch(/^LIMIT_EXCEEDED where\.or: /);
  });

  test('in the length of a pattern', () => {
    expect(parse({ string: { like: '%'.repeat(limits.likePatternLengthMax) } })).toBeDefined();
    expect(refusal({ string: { like: '%'.repeat(limits.likePatternLengthMax + 1) } })).toBe(
      'LIMIT_EXCEEDED where.string.like: the condition may have patterns of 1024 characters at most',
    );
  });

  test('in the size of a value', () => {
    expect(parse({ string: { eq: 'x'.repeat(limits.valueBytesMax) } })).toBeDefined();
    expect(refusal({ string: { eq: 'x'.repeat(limits.valueBytesMax + 1) } })).toBe(
      'LIMIT_EXCEEDED where.string.eq: a value may have 1048576 bytes at most',
    );
    const bytes = (size: number) => Buffer.alloc(size).toString('base64');
    expect(parse({ bytes: { eq: bytes(limits.valueBytesMax) } })).toBeDefined();
    expect(refusal({ bytes: { eq: bytes(limits.valueBytesMax + 1) } })).toMatch(/^LIMIT_EXCEEDED/);
  });
});
