import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonCursor } from '../../engine/json/json-cursor.ts';
import { notTaken } from '../../engine/json/not-taken.ts';

/** What `read` makes of a text, or undefined where it does not take it whole. */
function taken<T>(text: string, read: (json: JsonCursor) => T): T | undefined {
  const json = new JsonCursor(Buffer.from(text), 0);
  try {
    const value = read(json);
    return json.at === json.bytes.length ? value : undefined;
  } catch (error) {
    if (error === notTaken) return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const digits = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength });
const numberText = fc
  .tuple(
    fc.constantFrom('', '', '-', '+'),
    digits(24),
    fc.option(digits(30), { nil: null }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e-', 'E+'), digits(3)), { nil: null }),
  )
  .map(([sign, whole, decimals, exponent]) => {
    const fraction = decimals === null ? '' : `.${decimals}`;
    return `${sign}${whole}${fraction}${exponent === null ? '' : exponent.join('')}`;
  });

describe('a number', () => {
  it('is the one that JSON.parse reads, to the last bit', () => {
    fc.assert(
      fc.property(fc.oneof(numberText, fc.double({ noNaN: true }).map(String)), (text) => {
        const value = taken(text, (json) => json.number());
        expect(Object.is(value, parsed(text)), text).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it('is exact where it has as many digits as a double, and one more', () => {
    const texts = [
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '0.9007199254740993',
    ];
    for (const text of [...texts, '1e22', '1e23', '0.1', '123456789012345678e-30', '-0', '1e400']) {
      expect(
        Object.is(
          taken(text, (json) => json.number()),
          JSON.parse(text),
        ),
        text,
      ).toBe(true);
    }
  });

  it('is no number where JSON has none', () => {
    for (const text of ['', '-', '01', '-01', '1.', '.5', '+1', '1e', '1e+', '0x1', 'NaN', '١']) {
      expect(
        taken(text, (json) => json.number()),
        text,
      ).toBe(undefined);
    }
  });

  it('of 32 bits is taken in every spelling, others are not', () => {
    const int = fc.oneof(numberText, fc.integer().map(String), fc.constantFrom('2147483648', '-0'));
    fc.assert(
      fc.property(int, (text) => {
        const value = parsed(text);
        const expected = typeof value === 'number' && (value | 0) === value ? value : undefined;
        const read = taken(text, (json) => json.int());
        expect(Object.is(read, expected), text).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a text', () => {
  it('has the value that JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (value, escaped) => {
        const plain = JSON.stringify(value);
        const text = escaped ? plain.replace(/[a-z]/g, '\\u0041') : plain;
        const read = taken(text, (json) => {
          json.text();
          return json.textValue();
        });
        expect(read).toBe(JSON.parse(text));
      }),
    );
  });

  it('does not end where the body does, and has no bare control characters', () => {
    for (const text of ['"', '"abc', '"\\"', '"\\', '"a\nb"', '"\u0000"', 'abc']) {
      expect(
        taken(text, (json) => json.text()),
        text,
      ).toBe(undefined);
    }
  });
});

describe('a value that is skipped', () => {
  it('ends where it ends', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(2),
        fc.constantFrom('', ',', '}', ']', ' '),
        (v, indent, end) => {
          const text = JSON.stringify(v, null, indent);
          const json = new JsonCursor(Buffer.from(text + end), 0);
          json.skip();
          expect(json.bytes.toString('utf8', 0, json.at)).toBe(text);
        },
      ),
    );
  });

  it('is none where its brackets do not close', () => {
    for (const text of ['', ']', '[', ',', '[[]', '{"a":[1,2}']) {
      const skipped = taken(text, (json) => {
        json.skip();
        return true;
      });
      expect(skipped, text).toBe(undefined);
    }
  });
});
