import type { ConflictCode } from '@tickloom/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCategories } from '../../engine/model/errors.ts';
import { conflictCodes } from '../../engine/model/system-columns.ts';
import { RowCodec } from '../../sdk/runtime/columns.ts';
import { serverErrorCategories } from '../../sdk/runtime/errors.ts';

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
