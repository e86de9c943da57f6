import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ColumnClient } from '../../engine/columns/client.ts';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { pathWithoutBubblewrap } from './path-without-bubblewrap.ts';
import { temporaryDirectory } from './stores.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const data = temporaryDirectory();
const columns = join(data.path, 'titles', 'game', 'columns');
const canary = 'CANARY-OF-THE-SERVER';
/** As a user of its own it may not read a file; within bubblewrap there is none. */
const unreadable = /Permission denied|errno: 13|No such file|errno: 2\b|doesn't exist/;
/** Files that the server's user can read, as a careless server would leave them. */
const files = [
  join(data.path, 'issuer-key.json'),
  join(data.path, 'titles', 'game', 'log.txt'),
  join(data.path, 'titles', 'game', 'exports', 'link-secret'),
  join(columns, 'beside.txt'),
];
let host: EmbeddedHost;
let client: ColumnClient;

async function start(): Promise<void> {
  host = await EmbeddedHost.start(columns, silentLogger, data.path);
  await host.lend(join(columns, 'spool'));
  const target = { kind: 'socket', socketPath: host.socketPath, secret: host.secret } as const;
  client = new ColumnClient(target);
}

async function stop(): Promise<void> {
  await client.close();
  await host.close();
}

const one = async (sql: string) => (await client.query({ sql, author: 'engine' })).rows[0]?.[0];

beforeAll(async () => {
  mkdirSync(columns, { recursive: true });
  mkdirSync(join(data.path, 'titles', 'game', 'exports'));
  for (const file of files) writeFileSync(file, canary, { mode: 0o644 });
});
afterAll(() => data.remove());

const { PATH } = process.env;
const ways: [string, string | undefined][] = [
  ['where bubblewrap is not installed', pathWithoutBubblewrap(data.path)],
  ['where it may be', PATH],
];

describe.runIf(isRoot).each(ways)('the child of a server that runs as root, %s', (_, path) => {
  beforeAll(async () => {
    process.env.PATH = path;
    await start();
  });
  afterAll(async () => {
    await stop();
    process.env.PATH = PATH;
  });

  it('runs as a user of its own, and says so', () => {
    const status = readFileSync(`/proc/${host.pid}/status`, 'utf8');
    const uid = host.isolation.account?.uid;
    expect(uid).toBeGreaterThan(0);
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
    expect(status).toMatch(new RegExp(`^Gid:\\t${uid}\\t`, 'm'));
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(host.isolation.detail).toContain(`user ${uid}`);
  });

  it.each(files)('cannot read %s, even where ClickHouse is told to', async (file) => {
    await expect(one(`SELECT file('${file}')`)).rejects.toThrow(unreadable);
  });

  it('cannot read what its parent was started with', async () => {
    await expect(one(`SELECT file('/proc/${process.pid}/environ')`)).rejects.toThrow();
    expect(await one(`SELECT file('/proc/self/environ')`)).not.toContain(host.secret);
    expect(readFileSync(`/proc/${host.pid}/cmdline`, 'utf8')).not.toContain(host.secret);
  });

  it('reads the blocks that the server writes to the spool, while it is handed them', async () => {
    const block = join(columns, 'spool', 'block');
    closeSync(openSync(block, 'w', 0o640));
    writeFileSync(block, 'rows');
    const file = await host.handOver(block);
    expect(await one(`SELECT file('${file?.path}')`)).toBe('rows');
    await file?.takeBack();
    await expect(one(`SELECT file('${file?.path}')`)).rejects.toThrow(unreadable);
  });

  it('reads what it is handed of the spool of each title that is open, and nothing that lies beside it', async () => {
    const titles = ['first', 'second'].map((name) => join(data.path, 'titles', name));
    const spools = titles.map((title) => join(title, 'columns', 'spool'));
    await Promise.all(spools.map((spool) => host.lend(spool)));
    for (const [i, spool] of spools.entries()) {
      const beside = join(titles[i] as string, 'record');
      writeFileSync(beside, canary, { mode: 0o644 });
      await host.lend(spool);
      closeSync(openSync(join(spool, 'block'), 'w', 0o640));
      writeFileSync(join(spool, 'block'), `rows ${i}`);
      await expect(one(`SELECT file('${beside}')`)).rejects.toThrow(unreadable);
    }
    for (const [i, spool] of spools.entries()) {
      const file = await host.handOver(join(spool, 'block'));
      expect(await one(`SELECT file('${file?.path}')`)).toBe(`rows ${i}`);
    }
  });

  it('opens what a server kept as root before, and goes on as its user after a restart', async () => {
    await one('SELECT 1');
    await client.command(
      'CREATE OR REPLACE TABLE default.kept (a Int8) ENGINE = MergeTree ORDER BY a',
    );
    await client.command('INSERT INTO default.kept SELECT 7');
    const uid = host.isolation.account?.uid;
    await stop();
    // As an earlier version left it: root's own.
    const clickhouse = join(columns, 'clickhouse');
    const found = { env: { PATH } };
    execFileSync('chown', ['-R', '0:0', clickhouse, join(columns, 'scratch')], found);
    execFileSync('chmod', ['-R', 'go-rwx', clickhouse], found);
    await start();
    expect(statSync(clickhouse).uid).toBe(uid);
    expect(await one('SELECT sum(a) FROM default.kept')).toBe('7');
  });
});
