import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LeftOut } from './left-out.ts';
import { type PageExample, pageExamples } from './page-examples.ts';
import { type Answer, Sandbox } from './sandbox.ts';

const page = readFileSync(new URL('../../docs/semantics.md', import.meta.url), 'utf8');
const examples = pageExamples(page);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** What the page shows of an answer: data, and of an error its code. */
async function ask({ role, headers, body }: PageExample): Promise<unknown> {
  const answer: Answer = await sandbox.post(body, {
    ...(await sandbox.authorization(role)),
    'content-type': 'application/json',
    ...headers,
  });
  if (!answer.errors) return { data: answer.data };
  return { errors: answer.errors.map(({ extensions: { code } }) => ({ extensions: { code } })) };
}

// One story: each example stands on those before it.
describe('docs/semantics.md', () => {
  const leftOut = new LeftOut();
  const sections = [...new Set(examples.map(({ section }) => section))];
  test.each(sections)('%s: answers as the page says', async (section) => {
    for (const example of examples.filter((one) => one.section === section)) {
      const actual = await ask(example);
      const shown = leftOut.fill(JSON.parse(example.answer), actual);
      expect(actual, `${example.body}\n${JSON.stringify(actual)}`).toEqual(shown);
    }
  });
});
