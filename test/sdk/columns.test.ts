import type { ConflictCode } from '@tickloom/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCategories } from '../../engine/model/errors.ts';
import { type ArrowScalar, kinds } from '../../engine/model/kinds.ts';
import { conflictCodes } from '../../engine/model/system-columns.ts';
import type { ScalarKind } from '../../engine/model/types.ts';
import { RowCodec } from '../../sdk/runtime/columns.ts';
import { serverErrorCategories } from '../../sdk/runtime/errors.ts';
import { kinds as sdkKinds } from '../../sdk/runtime/kinds.ts';

const codec = new RowCodec('all', {
  flag: 'bool',
  small: 'i32',
  wide: 'i64',
  wider: 'u64?',
  amount: 'f64',
  at: 'timestamp',
  data: 'bytes',
  doc: 'json?',
  wides: 'u64[]',
  counted: 'count',
  place: 'vec3?',
});

const wire = (row: object) => JSON.parse(JSON.stringify(row));

describe('RowCodec', () => {
  it('brings every value through JSON and back', () => {
    const row = fc.record({
      flag: fc.boolean(),
      small: fc.integer(),
      wide: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      wider: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      amount: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      at: fc.date({ noInvalidDate: true }),
      data: fc.uint8Array(),
      doc: fc.option(fc.dictionary(fc.string(), fc.integer()).map((value) => wire(value))),
      wides: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      place: fc.option(fc.constant({ x: 1, y: -2.5, z: 0 })),
    });
    fc.assert(
      fc.property(row, (original) => {
        expect(codec.decode(wire(codec.encode(original)))).toEqual(original);
      }),
    );
  });

  it('reads wide integers from strings and from numbers', () => {
    expect(codec.decode({ wide: 5, wider: '18446744073709551615', counted: '7' })).toEqual({
      wide: 5n,
      wider: 18446744073709551615n,
      counted: 7,
    });
  });

  it('selects the parts of a vector, compares them, and refuses those that JSON cannot carry', () => {
    expect(codec.selection).toContain('place { x y z }');
    const where = { place: { x: { gt: 3 }, isNull: false }, not: { place: { y: { eq: 0 } } } };
    expect(codec.encodeWhere(where)).toEqual(where);
    expect(() => codec.encode({ place: { x: 0, y: Number.NaN, z: 0 } })).toThrow(
      'all.place.y: NaN cannot be sent',
    );
    expect(() => codec.encodeWhere({ place: { z: { lt: Number.POSITIVE_INFINITY } } })).toThrow(
      'all.place.z: Infinity cannot be sent',
    );
  });

  it('converts the operands of a where, in every connective', () => {
    const where = {
      wide: { eq: 5n, in: [1n, 2n] },
      not: { at: { between: [new Date(0), new Date(1)] } },
      or: [{ wider: { isNull: true } }, { data: { eq: new Uint8Array([255]) }, flag: undefined }],
    };
    expect(codec.encodeWhere(where)).toEqual({
      wide: { eq: '5', in: ['1', '2'] },
      not: { at: { between: ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.001Z'] } },
      or: [{ wider: { isNull: true } }, { data: { eq: '/w==' } }],
    });
  });

  it.each([
    ['amount', Number.NaN],
    ['amount', Number.POSITIVE_INFINITY],
    ['at', new Date(Number.NaN)],
  ])('refuses what JSON cannot carry: %s %s', (column, value) => {
    expect(() => codec.encode({ [column]: value })).toThrow(`all.${column}`);
  });

  it('leaves undefined out and sends null', () => {
    expect(codec.encode({ wider: null, doc: undefined })).toEqual({ wider: null });
  });
});

describe('what the SDK declares on its own', () => {
  it('has the same error codes and categories as the server', () => {
    expect(serverErrorCategories).toEqual(errorCategories);
  });

  it('has the same conflict codes as the server', () => {
    const declared: Record<ConflictCode, true> = {
      ROW_NOT_FOUND: true,
      ROW_EXISTS: true,
      VERSION_MISMATCH: true,
      GUARD_FAILED: true,
      OUT_OF_RANGE: true,
    };
    expect(Object.keys(declared)).toEqual([...conflictCodes]);
  });
});

describe('the kinds of the SDK', () => {
  const ofTitles = Object.entries(sdkKinds).filter(([kind]) => kind !== 'count');

  it('are those of the engine', () => {
    expect(ofTitles.map(([kind]) => kind).sort()).toEqual(Object.keys(kinds).sort());
  });

  it.each(ofTitles)('agree on sums, parts and the Arrow type of %s', (name, row) => {
    const kind = kinds[name as ScalarKind];
    expect(row.sum).toBe(kind.sum);
    const parts = kind.parts?.names.map((part) => [part, kind.parts?.kind]);
    expect(row.parts).toEqual(parts && Object.fromEntries(parts));
    // The server takes names and UUIDs as texts.
    const isText = kind.form === 'enum' || kind.form === 'uuid';
    expect(row.values().type.id).toBe(isText ? utf8Type : arrowIdOf(kind.arrow));
  });

  const whole = ofTitles.filter(([name]) => kinds[name as ScalarKind].form === 'integer');
  it.each(whole)('take the least and the greatest %s, and nothing beyond', (name, row) => {
    const { range, wideRange } = kinds[name as ScalarKind];
    const [low = 1n, high = 0n] = (range ?? wideRange ?? []).map(BigInt);
    const push = (value: bigint) => row.values().push(range ? Number(value) : value, 'here');
    for (const fits of [low, high]) expect(() => push(fits)).not.toThrow();
    for (const beyond of [low - 1n, high + 1n]) expect(() => push(beyond)).toThrow('here');
  });
});

const utf8Type = 5;

/** The number of a type in Arrow's union `Type`. */
function arrowIdOf(arrow: ArrowScalar): number {
  switch (arrow.kind) {
    case 'bool':
      return 6;
    case 'number':
      return arrow.as.startsWith('f') ? 3 : 2;
    case 'timestamp':
      return 10;
    case 'binary':
      return arrow.isText ? 5 : 4;
    case 'fixedBinary':
      return 15;
    case 'fixedList':
      return 16;
  }
}
