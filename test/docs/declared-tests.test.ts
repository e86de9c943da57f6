import { expect, test } from 'vitest';
import { DeclaredTests } from './declared-tests.ts';

const declared = new DeclaredTests(`
import { describe, it, test } from 'vitest';
// it('stands in a comment', () => {});
const text = "it('stands in a text', () => {})";
describe('is a group of tests', () => {
  it('is a test', () => expect('is a word in a test').toBe(text));
  test.each<[string]>([['a'], ['b']])('is one of several: %s', () => {});
  it.skipIf(process.platform === 'win32')('runs where it can', () => {});
  for (const name of names) it(\`is made for \${name}, each\`, () => {});
  it(\`\${reason}: is told with a reason\`, () => {});
  it.skip('is skipped', () => {});
  it.todo('is left to do');
  check('is no test', () => {});
});
describe('is a group without a test', () => {
  it.todo('is left to do');
});
`);

test.each([
  'is a test',
  'is one of several: %s',
  'is one of several: a',
  'runs where it can',
  'is made for a name, each',
  'is a group of tests',
  'is told with a reason',
  'is one of …',
  'is made …',
])('a test that is declared is found: %s', (title) => {
  expect(declared.has(title)).toBe(true);
});

test.each([
  'stands in a comment',
  'stands in a text',
  'is a group without a test',
  'is a word in a test',
  'is a tes',
  'a test',
  'is skipped',
  'is left to do',
  'is no test',
  'is no …',
])('what declares no test is not found: %s', (title) => {
  expect(declared.has(title)).toBe(false);
});
