import { describe, expect, it } from 'vitest';
import { textNestsDeeper, valueNestsDeeper } from '../../engine/model/json-depth.ts';

const listsOf = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const objectsOf = (depth: number) => `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`;

describe('the depth of JSON', () => {
  it.each([
    ['lists', listsOf(3), listsOf(4)],
    ['objects', objectsOf(3), objectsOf(4)],
    ['both', `[[${objectsOf(1)}]]`, `[[${objectsOf(2)}]]`],
    ['members side by side', `[${'[[],{}],'.repeat(9)}0]`, `[${'[[],[[]]],'.repeat(9)}0]`],
    ['brackets in strings', '["[[[[", "\\"[[[[", {"\\\\[[[[": ["{{{{"]}]', '["\\\\", [[[]]]]'],
  ])('is counted of %s, of the text and of the value alike', (_name, within, past) => {
    for (const [text, isDeeper] of [
      [within, false],
      [past, true],
    ] as const) {
      expect(textNestsDeeper(text, 3), text).toBe(isDeeper);
      expect(valueNestsDeeper(JSON.parse(text), 3), text).toBe(isDeeper);
    }
  });

  it('is counted of what is too deep for recursion', () => {
    const text = listsOf(1_000_000);
    expect(textNestsDeeper(text, 100)).toBe(true);
    expect(valueNestsDeeper(JSON.parse(text), 100)).toBe(true);
  });
});
