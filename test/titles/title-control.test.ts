import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askServer } from '../../src/cli/control-client.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { controlFolder, controlSocketIn } from '../../src/storage/control-path.ts';
import { Sandbox } from '../serve/sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** What the operator is refused with. */
async function refusalOf(path: string, input?: unknown): Promise<string> {
  const asked = askServer(sandbox.directory, 'POST', path, input);
  return asked.then(
    () => 'done',
    (error: Error) => error.message,
  );
}

async function standings(): Promise<unknown> {
  const answer = await askServer<{ titles: { title: string; standing: string }[] }>(
    sandbox.directory,
    'GET',
    '/titles',
  );
  return answer.titles.map(({ title, standing }) => `${title} ${standing}`);
}

describe('what is wrong at the control socket is refused, and changes nothing', () => {
  test.each<[string, string, unknown, RegExp]>([
    ['a manifest that is none', '/titles', { manifest: { title: 'x' } }, /^SCHEMA_MISMATCH/],
    ['no manifest', '/titles', {}, /^SCHEMA_MISMATCH/],
    ['a body that is no object', '/titles', 7, /^BAD_USER_INPUT: the body must be an object/],
    ['a name of the server', '/titles', { manifest: { ...ashfall, title: 'metrics' } }, /metrics/],
    [
      'another name typed again',
      '/titles/ashfall/remove',
      { confirm: 'ash', keepMs: 0 },
      /nothing/,
    ],
    ['no time', '/titles/ashfall/remove', { confirm: 'ashfall' }, /^BAD_USER_INPUT: keepMs/],
    ['a title that there is not', '/titles/chess/suspend', undefined, /^UNKNOWN_TITLE.*ashfall/],
    ['an unknown request', '/backups', undefined, /^NOT_FOUND/],
  ])('%s', async (_what, path, input, refusal) => {
    expect(await refusalOf(path, input)).toMatch(refusal);
    expect(await standings()).toEqual(['ashfall active']);
  });

  test('files kept for longer than is taken (removedTitleKeptDaysMax)', async () => {
    const keepMs = servingLimits.removedTitleKeptDaysMax * 86_400_000 + 1;
    const refusal = await refusalOf('/titles/ashfall/remove', { confirm: 'ashfall', keepMs });
    expect(refusal).toMatch(/^LIMIT_EXCEEDED/);
  });

  test('a body of so many bytes is read, and not one more (controlBodyBytesMax)', async () => {
    const { controlBodyBytesMax } = servingLimits;
    expect(await postBytes(controlBodyBytesMax)).toMatch(/is not JSON.*BAD_USER_INPUT/);
    expect(await postBytes(controlBodyBytesMax + 1)).toMatch(/LIMIT_EXCEEDED/);
  });
});

function postBytes(bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = controlSocketIn(controlFolder(sandbox.directory));
    const headers = { 'content-length': bytes };
    const asking = request({ socketPath, method: 'POST', path: '/titles', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => resolve(text));
    });
    // The rest of a body that is too large may find nobody who reads it, after the answer.
    asking.on('error', reject);
    asking.end(Buffer.alloc(bytes, '['));
  });
}
