import fc from 'fast-check';
import { expect, test } from 'vitest';
import { likeMatcher, likePatternProblem } from '../../engine/query/like-pattern.ts';
import { runs } from '../budget.ts';

const like = (text: string, pattern: string) => likeMatcher(pattern)(text);

test.each<[string, string, boolean]>([
  ['', '', true],
  ['', '%', true],
  ['', '_', false],
  ['abc', 'abc', true],
  ['abc', 'ABC', false],
  ['abc', 'ab', false],
  ['abc', 'a%', true],
  ['abc', '%c', true],
  ['abc', '%b%', true],
  ['abc', 'a_c', true],
  ['abc', '____', false],
  ['a\nc', 'a_c', true],
  ['aXbXc', 'a%b%c', true],
  ['abab', '%ab', true],
  ['a.c', 'a.c', true],
  ['abc', 'a.c', false],
  ['50%', '50\\%', true],
  ['500', '50\\%', false],
  ['a_b', 'a\\_b', true],
  ['axb', 'a\\_b', false],
  ['a\\b', 'a\\\\b', true],
  ['😀', '_', true],
  ['😀', '__', false],
  ['😀', '%__', false],
  ['é', '_', true],
])('%o like %o is %o', (text, pattern, expected) => {
  expect(like(text, pattern)).toBe(expected);
});

test('matching agrees with the regular expression that says the same', () => {
  const letters = ['a', 'b', '😀', '\\', '%', '_'];
  const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
  const pattern = fc.string({
    unit: fc.constantFrom('a', 'b', '😀', '%', '_', '\\\\', '\\%', '\\_'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(text, pattern, (value, wanted) => {
      expect(likePatternProblem(wanted)).toBeNull();
      expect(like(value, wanted)).toBe(asRegExp(wanted).test(value));
    }),
    { numRuns: runs(1_000) },
  );
});

test('a hostile pattern costs no more than pattern length times text length', () => {
  const matches = likeMatcher(`${'%a'.repeat(500)}b`);
  const text = 'a'.repeat(20_000);
  const begin = performance.now();
  expect(matches(text)).toBe(false);
  expect(performance.now() - begin).toBeLessThan(2_000);
});

test('a backslash that escapes nothing is a problem, since engines read it differently', () => {
  for (const pattern of ['\\', 'a\\b', 'a\\\\\\', '%\\n']) {
    expect(likePatternProblem(pattern)).toMatch(/backslash/);
  }
  for (const pattern of ['', 'a', '\\%', '\\\\', '\\_%', 'a\nb']) {
    expect(likePatternProblem(pattern)).toBeNull();
  }
});

function asRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|([%_])|([\s\S])/gu, (_, escaped, wildcard, literal) => {
    if (wildcard) return wildcard === '%' ? '.*' : '.';
    return (escaped ?? literal).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
}
