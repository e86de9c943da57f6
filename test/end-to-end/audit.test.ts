import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLog, serializeManifest } from '../../engine/index.ts';
import { type AuditRecord, decodeRecord } from '../../src/audit/audit-record.ts';
import type { TitleProof } from '../../src/audit/verify-audit.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

async function ask(server: SandboxProcess, role: string, query: string): Promise<unknown> {
  const { url } = server;
  const asked = await fetch(`${url}/sandbox/token?title=ashfall&role=${role}`, { method: 'POST' });
  const response = await fetch(`${url}/ashfall/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await asked.text()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data?: unknown }).data;
}

function open(sessionId: string): string {
  return `mutation { openSession(input: { sessionId: "${sessionId}" }) { fence } }`;
}

const opened =
  '{ auditLog(where: { action: { eq: "session.open" } }) { nodes { sequence details } } }';

/** The sessions whose opening is recorded, the first one first. */
async function recordedSessions(server: SandboxProcess): Promise<string[]> {
  const { auditLog } = (await ask(server, 'liveops', opened)) as {
    auditLog: { nodes: { details: { sessionId: string } }[] };
  };
  return auditLog.nodes.map(({ details }) => details.sessionId).reverse();
}

async function verify(data: string, ...flags: readonly string[]) {
  const { code, out, err } = await runCli([
    'audit',
    'verify',
    '--json',
    '--data-dir',
    data,
    ...flags,
  ]);
  const titles =
    out === '' ? [] : (JSON.parse(out) as { titles: (TitleProof & { title: string })[] }).titles;
  return { code, err, titles };
}

function auditFolder(data: string, title = 'ashfall'): string {
  return join(data, 'titles', title, 'audit');
}

async function kept(data: string, title: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await readLog({
    directory: auditFolder(data, title),
    replayFrom: 'first',
    onRecord: ({ payload }) => void records.push(decodeRecord(payload)),
  });
  return records;
}

test('the audit log holds what was read of it after a kill, and is proven by a server that runs and without one', async () => {
  const data = temporaryDirectory();
  let server = await SandboxProcess.start(data);
  const sessions = Array.from({ length: 20 }, (_, i) => `match-${i}`);
  for (const session of sessions) await ask(server, 'game-server', open(session));
  expect(await recordedSessions(server)).toEqual(sessions);
  expect(statSync(auditFolder(data)).mode & 0o077).toBe(0);
  const running = await verify(data);
  expect(running).toMatchObject({
    code: 0,
    titles: [
      { title: 'ashfall', kind: 'whole', first: 1, commits: { kind: 'whole', records: 20 } },
    ],
  });

  server.signal('SIGKILL');
  await server.exit;
  const killed = await verify(data, '--title', 'ashfall');
  expect(killed).toMatchObject({ code: 0, titles: [{ kind: 'whole' }] });
  const proof = running.titles[0] as Extract<TitleProof, { kind: 'whole' }>;
  const expected = `${proof.last}:${proof.chain}`;
  expect(await verify(data, '--title', 'ashfall', '--expect', expected)).toMatchObject({ code: 0 });

  server = await SandboxProcess.start(data);
  expect(await recordedSessions(server)).toEqual(sessions);
  await ask(server, 'game-server', open('one-more'));
  expect(await recordedSessions(server)).toEqual([...sessions, 'one-more']);
  const again = await verify(data, '--title', 'ashfall', '--expect', expected);
  expect(again).toMatchObject({ code: 0, titles: [{ kind: 'whole' }] });
  const wrong = await verify(data, '--title', 'ashfall', '--expect', `1:${proof.chain}`);
  expect(wrong).toMatchObject({ code: 1, titles: [{ kind: 'broken', record: 1 }] });
  server.signal('SIGTERM');
  await server.exit;

  const [segment = ''] = readdirSync(auditFolder(data)).filter((name) => name.endsWith('.log'));
  const path = join(auditFolder(data), segment);
  const bytes = readFileSync(path);
  const at = bytes.indexOf('match-3');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const broken = await verify(data);
  expect(broken).toMatchObject({
    code: 1,
    titles: [{ kind: 'broken', segment, commits: { kind: 'whole', records: 21 } }],
  });
  const text = await runCli(['audit', 'verify', '--data-dir', data]);
  expect(text.out).toMatch(/^ashfall {2}BROKEN at record \d+ \(/);

  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const log = join(data, 'titles', 'ashfall', 'log');
  const [commits = ''] = readdirSync(log).filter((name) => name.endsWith('.log'));
  const written = readFileSync(join(log, commits));
  // Another role than the one that opened it.
  const role = written.indexOf('"role":"game-server"');
  written.write('"role":"game-sorcer"', role);
  writeFileSync(join(log, commits), written);
  expect(await verify(data)).toMatchObject({
    code: 1,
    titles: [{ kind: 'whole', commits: { kind: 'broken', record: 1, segment: commits } }],
  });
});

test('a proof that names no title, or is of none, is refused as bad usage', async () => {
  const data = temporaryDirectory();
  expect(await verify(data)).toMatchObject({ code: 2 });
  expect(await verify(data, '--title', 'none')).toMatchObject({
    code: 2,
    err: expect.stringContaining('no audit log of a title "none"'),
  });
  expect(await verify(data, '--expect', '1:00')).toMatchObject({ code: 2 });
});

test('what an operator does with a title is in the audit log of that title', async () => {
  const data = temporaryDirectory();
  const server = await SandboxProcess.start(data);
  const manifest = join(temporaryDirectory(), 'brawl.json');
  writeFileSync(manifest, serializeManifest({ ...ashfall, title: 'brawl' }));
  const title = (...args: readonly string[]) => runCli(['title', ...args, '--data-dir', data]);
  expect((await title('create', manifest)).code).toBe(0);
  expect((await title('suspend', 'brawl')).code).toBe(0);
  expect((await verify(data)).titles.map((proof) => proof.title)).toEqual(['ashfall', 'brawl']);
  expect((await title('resume', 'brawl')).code).toBe(0);
  expect((await title('remove', 'brawl', '--confirm', 'brawl', '--keep', '1d')).code).toBe(0);
  server.signal('SIGTERM');
  await server.exit;
  const records = await kept(data, 'brawl');
  expect(records.map(({ action, subject }) => [action, subject])).toEqual([
    ['manifest.accept', 'operator'],
    ['title.create', 'operator'],
    ['title.suspend', 'operator'],
    ['title.resume', 'operator'],
    ['title.remove', 'operator'],
  ]);
  expect(records.at(-1)?.details).toMatchObject({ from: 'active', purgeAt: expect.any(String) });
});
