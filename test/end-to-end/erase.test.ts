import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serializeManifest } from '../../engine/index.ts';
import { filesHolding } from '../serve/files-holding.ts';
import { personalTitle } from '../vault/personal-title.ts';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

async function ask(server: SandboxProcess, role: string, query: string): Promise<unknown> {
  const asking = `${server.url}/sandbox/token?title=personal&role=${role}`;
  const token = await (await fetch(asking, { method: 'POST' })).text();
  const response = await fetch(`${server.url}/personal/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const accounts = ['planted-ann', 'planted-bob', 'planted-carl'];
const effects = accounts.map(
  (account) =>
    `{ players: { upsert: { key: { account: "${account}" }, set: { city: "planted" } } } }`,
);

test('an operator erases people from a server that runs, and from one that was killed', async () => {
  const data = temporaryDirectory();
  const manifest = join(temporaryDirectory(), 'title.json');
  writeFileSync(manifest, serializeManifest(personalTitle));
  const erase = (...args: readonly string[]) => runCli(['erase', ...args, '--data-dir', data]);

  const server = await SandboxProcess.start(data, ['--manifest', manifest]);
  await ask(server, 'simulator', 'mutation { openSession(input: { sessionId: "m" }) { fence } }');
  await ask(
    server,
    'simulator',
    `mutation { commitTick(input: { sessionId: "m", tick: 1, effects: [${effects}] }) { position } }`,
  );
  const ran = await erase('--subject', 'planted-ann', '--yes');
  expect([ran.err, ran.out]).toEqual(['', 'personal  2 values erased\n']);
  expect(filesHolding(data, ['planted-ann'])).toEqual([]);
  const shown = JSON.stringify(
    await ask(server, 'support', '{ playersList { nodes { account } } }'),
  );
  expect(shown).not.toContain('planted-ann');
  expect(shown).toContain('planted-bob');

  for (const [args, code] of [
    [['--subject', 'planted-bob'], 2],
    [['--yes'], 2],
    [['--subject', 'planted-bob', '--yes', '--title', 'nothing'], 1],
  ] as const) {
    expect([args, (await erase(...args)).code]).toEqual([args, code]);
  }
  const nobody = await erase('--subject', 'nobody', '--yes', '--json', '--title', 'personal');
  expect(JSON.parse(nobody.out)).toEqual({ erased: [{ title: 'personal', values: 0 }] });

  server.signal('SIGKILL');
  await server.exit;
  expect(filesHolding(data, ['planted-bob'])).toEqual(['titles/personal/vault/entries']);
  const stopped = await erase('--subject', 'planted-bob', '--yes', '--json');
  expect([stopped.err, JSON.parse(stopped.out)]).toEqual([
    '',
    { erased: [{ title: 'personal', values: 2 }] },
  ]);
  expect(filesHolding(data, ['planted-bob'])).toEqual([]);

  const again = await SandboxProcess.start(data, ['--manifest', manifest]);
  const list = JSON.stringify(await ask(again, 'support', '{ playersList { nodes { account } } }'));
  expect(list).not.toContain('planted-bob');
  expect(list).toContain('planted-carl');
  again.signal('SIGTERM');
  await again.exit;
}, 60_000);
