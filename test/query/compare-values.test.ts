import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareScalars } from '../../engine/query/compare-values.ts';

test('strings are ordered as their UTF-8 bytes are, which is how the column store orders them', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}', '\0'),
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareScalars(a, b))).toBe(expected);
    }),
  );
});

test('a character past the first plane comes after every one of the first, unlike in JavaScript', () => {
  expect(compareScalars('\uffff', '😀')).toBeLessThan(0);
  expect('\uffff' < '😀').toBe(false);
});

test('bytes are ordered as unsigned numbers from the left', () => {
  const bytes = fc.uint8Array({ maxLength: 4 });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(Math.sign(compareScalars(a, b))).toBe(Buffer.compare(a, b));
    }),
  );
});

test('numbers are ordered by size, and zero has one size', () => {
  expect(compareScalars(-1.5, 2)).toBeLessThan(0);
  expect(compareScalars(2n ** 63n, 2n ** 63n - 1n)).toBeGreaterThan(0);
  expect(compareScalars(0, -0)).toBe(0);
});

test('false comes before true', () => {
  expect(compareScalars(false, true)).toBeLessThan(0);
  expect(compareScalars(true, true)).toBe(0);
});

test('values of two types are a bug', () => {
  expect(() => compareScalars('1', 1)).toThrow(TypeError);
  expect(() => compareScalars(true, 1)).toThrow(TypeError);
  expect(() => compareScalars(new Uint8Array(), '')).toThrow(TypeError);
});
