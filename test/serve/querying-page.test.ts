import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LeftOut } from './left-out.ts';
import { pageExamples } from './page-examples.ts';
import { Sandbox } from './sandbox.ts';

const page = readFileSync(new URL('../../docs/querying.md', import.meta.url), 'utf8');

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

// One story: each example stands on those before it.
describe('docs/querying.md', () => {
  const leftOut = new LeftOut();
  test.each(pageExamples(page))('$section: answers as the page says', async (example) => {
    const { errors, data } = await sandbox.post(example.body, {
      ...(await sandbox.authorization(example.role)),
      'content-type': 'application/json',
    });
    expect(errors).toBeUndefined();
    const shown = leftOut.fill(JSON.parse(example.answer), { data });
    expect({ data }, JSON.stringify(data)).toEqual(shown);
  });
});
