import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { serializeManifest } from '../../engine/manifest/manifest-json.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { commitTick, tickOf } from '../serve/sandbox.ts';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

describe('tickloom --help', () => {
  test.each(['start', 'serve', 'token', 'export', 'generate sdk'])('%s has it', async (verb) => {
    const { code, out } = await runCli([...verb.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: tickloom ${verb}`);
  });

  test('of a server verb tells every setting with its variable and default', async () => {
    const { out } = await runCli(['serve', '--help']);
    const text = out.replace(/\s+/g, ' ');
    expect(text).toContain('--durability <strict|interval:ms|none>');
    expect(text).toContain('(default: strict) [TICKLOOM_DURABILITY]');
    expect(text).toContain('(default: 10000 ms) [TICKLOOM_DRAIN_MS]');
  });
});

describe('bad usage exits 2 and says what to mend', () => {
  test.each<[string, string[], Record<string, string>, RegExp]>([
    [
      'a setting with a bad value',
      ['start'],
      { TICKLOOM_PORT: 'x' },
      /TICKLOOM_PORT is "x"; it must be a port/,
    ],
    [
      'a feature this version lacks',
      ['start', '--log', 'nats://a'],
      {},
      /--log is "nats:\/\/a"; it must be "file"/,
    ],
    [
      'serve without an issuer',
      ['serve'],
      {},
      /serve needs --oidc-issuer \(TICKLOOM_OIDC_ISSUER\)/,
    ],
    [
      'serve without a manifest',
      ['serve', '--oidc-issuer', 'http://a'],
      {},
      /serve needs --manifest/,
    ],
    [
      'a manifest that is none',
      ['start', '--manifest', '/nowhere.json'],
      {},
      /the manifest \/nowhere.json cannot be used/,
    ],
    ['an unknown flag', ['start', '--prot', '1'], {}, /unknown option '--prot'/],
    ['an unknown verb', ['strat'], {}, /unknown command 'strat'/],
    ['a token without a role', ['token'], {}, /token needs --role/],
    ['an export of nothing', ['export', '--role', 'analyst'], {}, /either --table or --sql/],
    [
      'a place to cut that is none',
      ['start', '--truncate-at', 'here'],
      {},
      /--truncate-at: "here" is not a position/,
    ],
  ])('%s', async (_name, args, environment, message) => {
    const { code, err } = await runCli(args, environment);
    expect([code, err.replace(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('failure exits 1 and says why', () => {
  test('where no server answers', async () => {
    const { code, err } = await runCli(['token', '--role', 'admin', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(err).toMatch(/no answer from http:\/\/127\.0\.0\.1:1.*is the server running\?/);
  });

  test('where the port is taken', async () => {
    const first = await SandboxProcess.start(temporaryDirectory());
    const { port } = new URL(first.url);
    const { code, err } = await runCli([
      'start',
      '--port',
      port,
      '--data-dir',
      temporaryDirectory(),
    ]);
    expect(code).toBe(1);
    expect(err).toMatch(/EADDRINUSE/);
    first.signal('SIGTERM');
    await first.exit;
  });
});

describe('a title that a studio brings', () => {
  test('is served from its manifest, and must not be named like a path of the server', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'chess.json');
    writeFileSync(path, serializeManifest({ ...ashfall, title: 'chess' }));
    const server = await SandboxProcess.start(directory, ['--manifest', path]);
    const token = await fetch(`${server.url}/sandbox/token?role=liveops`, { method: 'POST' });
    const answer = await fetch(`${server.url}/chess/graphql?query={__typename}`, {
      headers: { authorization: `Bearer ${await token.text()}` },
    });
    expect(await answer.json()).toMatchObject({ data: { __typename: 'Query' } });
    // No command needs to be told the only title; the port is followed as the server follows it.
    const here = { TICKLOOM_PORT: new URL(server.url).port };
    const game = (await runCli(['token', '--role', 'game-server'], here)).out.trim();
    const open = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${game}`, 'content-type': 'application/json' },
      body: '{"query":"mutation { openSession(input: { sessionId: \\"m\\" }) { fence } }"}',
    });
    expect(await open.json()).toMatchObject({ data: { openSession: { fence: 1 } } });
    const client = join(directory, 'chess.ts');
    const generated = await runCli(['generate', 'sdk', '--out', client, '--json'], here);
    expect(JSON.parse(generated.out)).toMatchObject({ title: 'chess' });
    const exported = ['export', '--role', 'analyst', '--table', 'actionLog', '--json'];
    const { url } = JSON.parse((await runCli(exported, here)).out) as { url: string };
    expect(tableFromIPC(await (await fetch(url)).bytes()).numRows).toBe(0);
    expect(await runCli(['token'], here)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/token needs --role, one of game-server, liveops, /),
    });
    const wrong = ['token', '--role', 'analyst', '--title', 'ashfall'];
    expect(await runCli(wrong, here)).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no title "ashfall" here; this server serves "chess"'),
    });
    expect(await runCli(['import', '--ticks', '10'], here)).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not serve "ashfall", to which matches are imported'),
    });
    server.signal('SIGTERM');
    await server.exit;
    writeFileSync(path, serializeManifest({ ...ashfall, title: 'console' }));
    const { code, err } = await runCli(['start', '--manifest', path]);
    expect([code, err]).toEqual([2, expect.stringMatching(/"console" is a path of the server/)]);
  });
});

describe('the verbs that talk to a server', () => {
  test('print a token, write a client, and export what was committed', async () => {
    const directory = temporaryDirectory();
    const server = await SandboxProcess.start(directory);
    const { url } = server;
    const token = await runCli(['token', '--role', 'game-server', '--url', url]);
    expect(token).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/),
    });

    const bearer = token.out.trim();
    await server.graphql(bearer, 'mutation { openSession(input: { sessionId: "m" }) { fence } }');
    await server.graphql(bearer, commitTick, { input: tickOf('m', 1, 7) });

    const client = join(directory, 'generated', 'ashfall.ts');
    const generated = await runCli(['generate', 'sdk', '--url', url, '--out', client, '--json']);
    expect(JSON.parse(generated.out)).toMatchObject({ out: client, title: 'ashfall' });
    expect(readFileSync(client, 'utf8')).toContain('export class Ashfall');

    const rows = join(directory, 'rows.arrows');
    const exported = await runCli(
      ['export', '--url', url, '--role', 'analyst', '--table', 'actionLog', '--out', rows],
      {},
    );
    expect(exported).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\d+ bytes, the rows as of/),
    });
    expect(tableFromIPC(readFileSync(rows)).numRows).toBe(7);

    const where = '{"actionId":{"eq":"1-3"}}';
    const link = await runCli(
      ['export', '--url', `${url}/ashfall`, '--table', 'actionLog', '--where', where, '--json'],
      { TICKLOOM_TOKEN: (await server.token('analyst')).trim() },
    );
    const { url: signed } = JSON.parse(link.out) as { url: string };
    expect(tableFromIPC(await (await fetch(signed)).bytes()).numRows).toBe(1);

    const refused = await runCli([
      'export',
      '--url',
      url,
      '--role',
      'player',
      '--table',
      'actionLog',
      '--out',
      join(directory, 'refused.arrows'),
    ]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('FORBIDDEN: ') });
    expect(readdirSync(directory).filter((name) => name.startsWith('refused'))).toEqual([]);
    server.signal('SIGTERM');
    await server.exit;
  });
});
