import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ColumnClient } from '../../engine/columns/client.ts';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { temporaryDirectory } from './stores.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const data = temporaryDirectory();
const columns = join(data.path, 'titles', 'game', 'columns');
const canary = 'CANARY-OF-THE-SERVER';
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

describe.runIf(isRoot)('the child of a server that runs as root', () => {
  beforeAll(start);
  afterAll(stop);

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
    await expect(one(`SELECT file('${file}')`)).rejects.toThrow(/Permission denied|errno: 13/);
  });

  it('cannot read what its parent was started with', async () => {
    await expect(one(`SELECT file('/proc/${process.pid}/environ')`)).rejects.toThrow();
    expect(await one(`SELECT file('/proc/${host.pid}/environ')`)).not.toContain(host.secret);
    expect(readFileSync(`/proc/${host.pid}/cmdline`, 'utf8')).not.toContain(host.secret);
  });

  it('reads the blocks that the server writes to the spool', async () => {
    const block = join(columns, 'spool', 'block');
    closeSync(openSync(block, 'w', 0o640));
    writeFileSync(block, 'rows');
    expect(await one(`SELECT file('${block}')`)).toBe('rows');
  });

  it('reads the spool of each title that is open, and nothing that lies beside it', async () => {
    const titles = ['first', 'second'].map((name) => join(data.path, 'titles', name));
    const spools = titles.map((title) => join(title, 'columns', 'spool'));
    await Promise.all(spools.map((spool) => host.lend(spool)));
    for (const [i, spool] of spools.entries()) {
      const beside = join(titles[i] as string, 'record');
      writeFileSync(beside, canary, { mode: 0o644 });
      await host.lend(spool);
      closeSync(openSync(join(spool, 'block'), 'w', 0o640));
      writeFileSync(join(spool, 'block'), `rows ${i}`);
      await expect(one(`SELECT file('${beside}')`)).rejects.toThrow(/Permission denied|errno: 13/);
    }
    expect(await one(`SELECT file('${spools[0]}/block')`)).toBe('rows 0');
    expect(await one(`SELECT file('${spools[1]}/block')`)).toBe('rows 1');
  });

  it('opens what a server kept as root before, and goes on as its user after a restart', async () => {
    await one('SELECT 1');
    await client.command('CREATE TABLE default.kept (a Int8) ENGINE = MergeTree ORDER BY a');
    await client.command('INSERT INTO default.kept SELECT 7');
    const uid = host.isolation.account?.uid;
    await stop();
    // As an earlier version left it: root's own.
    const clickhouse = join(columns, 'clickhouse');
    execFileSync('chown', ['-R', '0:0', clickhouse, join(columns, 'scratch')]);
    execFileSync('chmod', ['-R', 'go-rwx', clickhouse]);
    await start();
    expect(statSync(clickhouse).uid).toBe(uid);
    expect(await one('SELECT sum(a) FROM default.kept')).toBe('7');
  });
});
