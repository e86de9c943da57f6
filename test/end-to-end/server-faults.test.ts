import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { actionTable, defineTitle, t } from '../../engine/manifest/index.ts';
import { serializeManifest } from '../../engine/manifest/manifest-json.ts';
import { cases } from '../budget.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { freePort } from '../serve/free-port.ts';
import { commitTick, tickOf } from '../serve/sandbox.ts';
import { columnHostOf, runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

const small = defineTitle({
  title: 'small',
  version: 1,
  tables: { act: actionTable({ nothing: t.u32() }) },
  views: {},
});
const waitMs = { timeout: 45_000, interval: 100 };
const open = 'mutation Open($id: ID!) { openSession(input: { sessionId: $id }) { fence } }';

interface Ready {
  readonly status: number;
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
  readonly reason?: string;
}

async function readiness(url: string): Promise<Ready> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, ...((await response.json()) as Omit<Ready, 'status'>) };
}

async function sandboxWithMatch(directory: string): Promise<[SandboxProcess, string]> {
  const server = await SandboxProcess.start(directory);
  const token = await server.token('game-server');
  await server.graphql(token, open, { id: 'match' });
  await server.graphql(token, commitTick, { input: tickOf('match', 1, 3) });
  return [server, token];
}

/** All of it, though ClickHouse may put something there meanwhile. */
function remove(directory: string): void {
  for (let left = 20; existsSync(directory) && left > 0; left--) {
    try {
      rmSync(directory, { recursive: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || left === 1) throw error;
    }
  }
}

describe('a server whose data goes while it serves', () => {
  const title = (directory: string) => join(directory, 'titles', 'ashfall');
  const segment = (directory: string) => join(title(directory), 'log', '00000000000000000001.log');
  test.each(
    cases<[string, (directory: string) => void]>([
      ['deleted', remove],
      [
        'moved a level above, with an empty one in its place',
        (directory) => {
          renameSync(join(directory, 'titles'), join(directory, 'aside'));
          mkdirSync(join(title(directory), 'log'), { recursive: true });
        },
      ],
      [
        'with a segment replaced by a copy',
        (directory) => {
          cpSync(segment(directory), `${segment(directory)}.copy`);
          renameSync(`${segment(directory)}.copy`, segment(directory));
        },
      ],
      ['with its log emptied in place', (directory) => truncateSync(segment(directory))],
      ['with its log cut short in place', (directory) => truncateSync(segment(directory), 4096)],
    ]),
  )('acknowledges nothing more, and says why: %s', async (_, damage) => {
    const directory = join(temporaryDirectory(), 'data');
    const [server, token] = await sandboxWithMatch(directory);
    damage(directory);
    const commit = server.graphql(token, commitTick, { input: tickOf('match', 2, 3) });
    await expect(commit).rejects.toThrow(/UNAVAILABLE/);
    await expect(commit).rejects.toThrow(
      /acknowledges nothing more: .*(is gone|is another one|is \d+ bytes long)/,
    );
    expect(await readiness(server.url)).toMatchObject({
      status: 503,
      checks: { log: 'failed' },
      reason: expect.stringContaining('titles/ashfall/log'),
    });
    expect(server.log).toContain('the log stopped: nothing is acknowledged');
    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });

  test.each<[string, (directory: string) => void]>([
    ['is gone', remove],
    ['was emptied in place', (directory) => truncateSync(segment(directory))],
  ])('is not ready although nobody commits, where it %s', async (_, damage) => {
    const directory = join(temporaryDirectory(), 'data');
    const [server] = await sandboxWithMatch(directory);
    damage(directory);
    await vi.waitFor(async () => {
      expect(await readiness(server.url)).toMatchObject({ status: 503, ready: false });
    }, waitMs);
    // An orderly end would wait for a ClickHouse whose data is gone.
    server.signal('SIGKILL');
    await server.exit;
  });
});

describe('a start that cannot succeed', () => {
  const start = (directory: string, ...more: string[]) =>
    runCli(['start', '--data-dir', directory, '--port', '0', ...more]);

  const used = mkdtempSync(join(tmpdir(), 'tickloom-used-'));
  afterAll(() => rmSync(used, { recursive: true, force: true }));
  let using: Promise<string> | null = null;

  /** A directory that a server has used before, stopped. */
  function usedDirectory(): Promise<string> {
    using ??= SandboxProcess.start(used).then(async (server) => {
      server.signal('SIGTERM');
      await server.exit;
      return used;
    });
    return using;
  }

  /** Files of a data directory that one start has made, and what makes the next one fail. */
  const damages: [string, string, (path: string) => void, RegExp][] = [
    [
      'a link secret cut short',
      'titles/ashfall/exports/link-secret',
      cutShort,
      /is damaged: it has 3 bytes.*remove it/,
    ],
    [
      'a directory for a link secret',
      'titles/ashfall/exports/link-secret',
      makeDirectory,
      /cannot be read \(EISDIR\)/,
    ],
    [
      'keys of the sandbox that are no JSON',
      'sandbox/issuer-key.json',
      cutShort,
      /is damaged: .*remove it/,
    ],
    [
      'keys of the sandbox without the private part',
      'sandbox/issuer-key.json',
      publicPart,
      /is damaged: it holds no private key/,
    ],
    [
      'a kept manifest that is no JSON',
      'titles/ashfall/manifest.json',
      cutShort,
      /is damaged: .*restore it/,
    ],
    ['a file for the folder of exports', 'titles/ashfall/exports', makeFile, /ENOTDIR|EEXIST/],
    ['a file for the log', 'titles/ashfall/log', makeFile, /ENOTDIR/],
  ];
  test.each(cases(damages))(
    'ends with 1, names the file and leaves nothing alive: %s',
    async (_, file, damage, message) => {
      const directory = join(temporaryDirectory(), 'data');
      cpSync(await usedDirectory(), directory, {
        recursive: true,
        filter: (path) => !path.endsWith('.sock'),
      });
      const path = join(directory, file);
      const aside = join(directory, 'aside');
      renameSync(path, aside);
      damage(path);
      const failed = await start(directory);
      expect(failed.code).toBe(1);
      expect(failed.err).toContain(path);
      expect(failed.err).toMatch(message);
      expect(failed.out).toBe('');
      expect(hostLeftIn(directory)).toBeNull();
    },
  );

  test('is in the way of no later one', async () => {
    const path = join(await usedDirectory(), 'titles/ashfall/exports/link-secret');
    const secret = readFileSync(path);
    cutShort(path);
    expect((await start(used)).code).toBe(1);
    writeFileSync(path, secret);
    const next = await SandboxProcess.start(used);
    next.signal('SIGTERM');
    expect(await next.exit).toEqual({ code: 0, signal: null });
  });

  /** The process id that the column store's data says it is held by; null for nobody. */
  function hostLeftIn(directory: string): string | null {
    const path = join(directory, 'columns/host.pid');
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  function cutShort(path: string): void {
    writeFileSync(path, '{"a');
  }
  function makeDirectory(path: string): void {
    mkdirSync(path);
  }
  function makeFile(path: string): void {
    writeFileSync(path, '');
  }
  function publicPart(path: string): void {
    const key = JSON.parse(readFileSync(join(dirname(path), '..', 'aside'), 'utf8'));
    const { d: _, ...rest } = key as Record<string, unknown>;
    writeFileSync(path, JSON.stringify(rest));
  }

  test('ends with 1 and names the setting where its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const failed = await runCli(['start', '--data-dir', temporaryDirectory(), '--port', `${port}`]);
    other.close();
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(new RegExp(`port ${port}.*--port \\(TICKLOOM_PORT\\)`));
  });

  test.runIf(existsSync('/proc/self'))(
    'ends where no directory can be made, instead of trying for ever',
    async () => {
      const failed = await start('/proc/no-such-directory/data');
      expect(failed.code).toBe(1);
      expect(failed.err).toContain('/proc/no-such-directory cannot be made');
    },
  );

  test('keeps nothing of a manifest that no API can be made of', async () => {
    const directory = temporaryDirectory();
    const manifest = (column: string) => {
      const path = join(directory, `${column}.json`);
      writeFileSync(path, serializeManifest(small).replaceAll('"nothing"', `"${column}"`));
      return path;
    };
    const bad = await start(directory, '--manifest', manifest('null'));
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('tables.act.columns.null');
    const mended = await SandboxProcess.start(directory, ['--manifest', manifest('nothing')]);
    expect((await readiness(mended.url)).status).toBe(200);
    mended.signal('SIGTERM');
    await mended.exit;
  });
});

describe('a signal while the server starts', () => {
  test.each(cases(['SIGTERM', 'SIGINT'] as const))('%s ends the start', async (signal) => {
    const directory = temporaryDirectory();
    const starting = SandboxProcess.launch(directory);
    // Its column store has a process by now, and takes longer to serve.
    const host = await vi.waitFor(() => columnHostOf(starting.child.pid as number), waitMs);
    starting.child.kill(signal);
    expect(await starting.exit).toEqual({ code: 0, signal: null });
    expect(await starting.url).toBeNull();
    await vi.waitFor(() => expect(() => process.kill(host, 0)).toThrow(), waitMs);
    const next = await SandboxProcess.start(directory);
    next.signal('SIGTERM');
    await next.exit;
  });
});

test('a copy of the data of a running server is served beside it', async () => {
  const directory = join(temporaryDirectory(), 'data');
  const [server] = await sandboxWithMatch(directory);
  const copy = await copied(directory);
  const second = await SandboxProcess.start(copy);
  expect((await readiness(server.url)).status).toBe(200);
  second.signal('SIGTERM');
  await second.exit;
  server.signal('SIGTERM');
  await server.exit;
});

/** A copy of what a server keeps: begun again where a file of ClickHouse's goes while it is copied. */
async function copied(directory: string): Promise<string> {
  return vi.waitFor(() => {
    const copy = join(temporaryDirectory(), 'copy');
    cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    return copy;
  }, waitMs);
}

describe('an identity provider that does not answer', () => {
  test('is said at the start and by /readyz, tokens are to be tried again, and it is found once it is there', async () => {
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const server = await SandboxProcess.start(temporaryDirectory(), ['--oidc-issuer', issuer]);
    await vi.waitFor(() => expect(server.log).toMatch(/cannot be used.*--oidc-issuer/), waitMs);
    expect(await readiness(server.url)).toMatchObject({
      status: 503,
      ready: false,
      checks: { identity: 'no provider' },
      reason: expect.stringMatching(new RegExp(`${issuer} cannot be used: .*ECONNREFUSED`)),
    });
    const asked = await fetch(`${server.url}/ashfall/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf(issuer)}`, 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });
    expect(asked.status).toBe(503);
    expect(asked.headers.get('retry-after')).toBe('1');
    expect(await asked.text()).toContain('"UNAVAILABLE"');
    const provider = createHttpServer((_, response) => {
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` }));
    });
    await new Promise<void>((resolve) => provider.listen(port, '127.0.0.1', resolve));
    await vi.waitFor(async () => {
      expect(await readiness(server.url)).toMatchObject({ status: 200, ready: true });
    }, waitMs);
    provider.closeAllConnections();
    provider.close();
    server.signal('SIGTERM');
    await server.exit;
  });

  /** A token that says it is of the issuer: only its keys could tell. */
  function tokenOf(iss: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1_000) + 60;
    const claims = { iss, aud: 'tickloom', sub: 'ann', exp };
    return `${part({ alg: 'ES256', kid: 'k' })}.${part(claims)}.c2lnbmF0dXJl`;
  }
});

describe('audit records', () => {
  test('are kept whatever the level of the log, which shows them at debug alone', async () => {
    for (const [level, isShown] of [
      ['fatal', false],
      ['debug', true],
    ] as const) {
      const directory = temporaryDirectory();
      const server = await SandboxProcess.start(directory, ['--log-level', level]);
      await server.graphql(await server.token('game-server'), open, { id: 'match' });
      const asked = await server.graphql(
        await server.token('liveops'),
        '{ auditLog(where: { action: { eq: "session.open" } }) { nodes { outcome } } }',
        {},
      );
      expect(asked).toMatchObject({ auditLog: { nodes: [{ outcome: 'done' }] } });
      expect(server.log.includes('"msg":"session.open"')).toBe(isShown);
      server.signal('SIGTERM');
      await server.exit;
    }
  });
});

describe('a column store that hangs', () => {
  test('is noticed, named, and started again; ticks and metrics go on, and no row is lost', async () => {
    const directory = temporaryDirectory();
    const [server, token] = await sandboxWithMatch(directory);
    const child = server.columnHost();
    process.kill(child, 'SIGSTOP');
    try {
      await server.graphql(token, commitTick, { input: tickOf('match', 2, 3) });
      await vi.waitFor(async () => {
        const { status, ready, checks, reason } = await readiness(server.url);
        expect({ status, ready, checks, reason }).toMatchObject({
          status: 200,
          ready: true,
          checks: { log: 'ok', columns: 'not answering' },
          reason: expect.stringMatching(/has not answered for \d+ s/),
        });
      }, waitMs);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      expect(metrics).toMatch(/^tickloom_columns_up 0$/m);
      await expect(
        server.graphql(await server.token('analyst'), '{ actionLogGroups { nodes { count } } }'),
      ).rejects.toThrow(/UNAVAILABLE/);
      const last = await server.graphql(token, commitTick, { input: tickOf('match', 3, 3) });
      await vi.waitFor(() => expect(server.columnHost()).not.toBe(child), waitMs);
      const { position } = last.commitTick as { position: string };
      const counted = await vi.waitFor(
        async () =>
          server.graphql(
            await server.token('analyst'),
            'query Count($min: Position) { actionLogGroups(minPosition: $min) { nodes { count } } }',
            { min: position },
          ),
        waitMs,
      );
      expect(counted.actionLogGroups).toEqual({ nodes: [{ count: expect.anything() }] });
      const [group] = (counted.actionLogGroups as { nodes: { count: unknown }[] }).nodes;
      expect(Number(group?.count)).toBe(9);
      expect((await readiness(server.url)).checks.columns).toBe('ok');
      expect(server.log).toContain('the column store hangs');
    } finally {
      server.signal('SIGTERM');
    }
    expect(await server.exit).toEqual({ code: 0, signal: null });
  });
});

describe('a cursor', () => {
  const subscription = (cursor: string | null) => `subscription {
    matchPulseChanges${cursor === null ? '' : `(cursor: "${cursor}")`} {
      kind cursor rows { sessionId actions }
    }
  }`;
  test.each(cases(['SIGTERM', 'SIGKILL'] as const))(
    'of before %s and a start goes on with one delta',
    async (signal) => {
      const directory = temporaryDirectory();
      const [first, token] = await sandboxWithMatch(directory);
      const before = await FrameSocket.connect(first.url, {
        authorization: `Bearer ${await first.token('liveops')}`,
      });
      before.subscribe('1', subscription(null));
      const seen = (await before.next('1')).frame;
      expect(seen.kind).toBe('SNAPSHOT');
      await first.graphql(token, commitTick, { input: tickOf('match', 2, 3) });
      first.signal(signal);
      await first.exit;

      const second = await SandboxProcess.start(directory);
      const after = await FrameSocket.connect(second.url, {
        authorization: `Bearer ${await second.token('liveops')}`,
      });
      after.subscribe('1', subscription(seen.cursor));
      expect((await after.next('1')).frame).toMatchObject({
        kind: 'DELTA',
        rows: [{ sessionId: 'match' }],
      });
      second.signal('SIGTERM');
      await second.exit;
    },
  );
});
