import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, createWriteStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Random } from '../load/random.ts';
import { orderKinds } from '../load/tick-bodies.ts';
import type { Lifetime } from './lifetime.ts';
import { rounded } from './report.ts';

const run = promisify(execFile);

export interface CopyRate {
  readonly table: 'actions' | 'ledger events';
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly seconds: number;
}

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * How fast PostgreSQL takes the same rows by COPY: a cluster of its own in a temporary directory,
 * synced to disk, tables without any index. One COPY of all rows, the same over two connections,
 * and one COPY (so one durable answer) a tick. Empty where there is no PostgreSQL.
 */
export async function copyRates(
  lifetime: Lifetime,
  { postgresRows, rows }: { readonly postgresRows: number; readonly rows: number },
): Promise<readonly CopyRate[]> {
  const binaries = findBinaries();
  if (binaries === null) {
    console.error('PostgreSQL is not there: no COPY to compare with');
    return [];
  }
  const part = lifetime.part();
  try {
    const cluster = await startCluster(part, binaries, accountOfServer());
    const rates: CopyRate[] = [];
    for (const table of tables) {
      rates.push(...(await copyTable(cluster, table, Math.ceil(postgresRows / rows), rows)));
    }
    return rates;
  } finally {
    await part.end();
  }
}

async function copyTable(
  cluster: Cluster,
  table: CopiedTable,
  ticks: number,
  rowsPerTick: number,
): Promise<CopyRate[]> {
  const fileOf = async (name: string, count: number): Promise<string> => {
    const file = join(cluster.directory, `${table.table}-${name}.tsv`);
    await writeRows(file, count, rowsPerTick, table.row);
    return `\\copy ${table.table} (${table.columns}) from '${file}'`;
  };
  const halfTicks = Math.ceil(ticks / 2);
  const one = await fileOf('tick', 1);
  const all = await fileOf('all', ticks);
  const half = await fileOf('half', halfTicks);
  const measure = async (name: string, rows: number, connections: readonly string[][]) => {
    await cluster.psql([`truncate ${table.table}`, 'checkpoint']);
    const started = performance.now();
    await Promise.all(connections.map((commands) => cluster.psql(commands)));
    const seconds = (performance.now() - started) / 1000;
    return { table: table.name, name, rowsPerSecond: rounded(rows / seconds), seconds };
  };
  return [
    await measure('one COPY', ticks * rowsPerTick, [[all]]),
    await measure('COPY by two', 2 * halfTicks * rowsPerTick, [[half], [half]]),
    await measure('a COPY a tick', ticks * rowsPerTick, [Array(ticks).fill(one)]),
  ];
}

interface CopiedTable {
  readonly name: CopyRate['table'];
  readonly table: string;
  readonly columns: string;
  /** What follows session, tick and seq in a line. */
  readonly row: (tick: number, seq: number, random: Random) => string;
}

const tables: readonly CopiedTable[] = [
  {
    name: 'actions',
    table: 'action_log',
    columns: 'session_id, tick, seq, action_id, player_id, kind, unit_ids, x, y',
    row: (tick, seq, random) => {
      const id = String(tick).padStart(7, '0') + String(seq).padStart(6, '0');
      const kind = orderKinds[random.below(orderKinds.length)];
      const units = `{${random.below(100_000)},${random.below(100_000)}}`;
      const place = `${(random.unit() * 1024).toFixed(3)}\t${(random.unit() * 1024).toFixed(3)}`;
      return `${id}\t${random.below(8)}\t${kind}\t${units}\t${place}`;
    },
  },
  {
    name: 'ledger events',
    table: 'resource_ledger',
    columns: 'session_id, tick, seq, player_id, resource, amount',
    row: (_tick, _seq, random) => {
      const resource = random.below(2) ? 'MASS' : 'ENERGY';
      return `${random.below(8)}\t${resource}\t${(random.unit() * 100).toFixed(4)}`;
    },
  },
];

const schema = [
  `create type action_kind as enum (${orderKinds.map((kind) => `'${kind}'`).join(', ')})`,
  `create type resource_kind as enum ('MASS', 'ENERGY')`,
  `create table action_log (
    session_id text not null, tick integer not null, seq integer not null,
    action_id text not null, player_id integer not null, kind action_kind not null,
    unit_ids integer[] not null, x real, y real,
    committed_at timestamptz not null default now())`,
  `create table resource_ledger (
    session_id text not null, tick integer not null, seq integer not null,
    player_id integer not null, resource resource_kind not null, amount double precision not null,
    reason text, committed_at timestamptz not null default now())`,
];

interface Cluster {
  readonly directory: string;
  psql(commands: readonly string[]): Promise<void>;
}

async function startCluster(
  lifetime: Lifetime,
  binaries: string,
  account: Account,
): Promise<Cluster> {
  const directory = await lifetime.directory();
  if (account.uid !== undefined) chownSync(directory, account.uid, account.gid ?? account.uid);
  const data = join(directory, 'data');
  const initdb = ['-D', data, '--auth=trust', '--username=bench', '--encoding=UTF8', '--locale=C'];
  await run(join(binaries, 'initdb'), initdb, { ...account, cwd: directory });
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${directory}`,
    'fsync=on',
    'synchronous_commit=on',
    'shared_buffers=1GB',
    'max_wal_size=16GB',
    'wal_buffers=64MB',
    'wal_compression=off',
  ];
  const server: ChildProcess = spawn(
    join(binaries, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...account, cwd: directory, stdio: 'ignore' },
  );
  lifetime.onEnd(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    // A fast shutdown.
    server.kill('SIGINT');
    await ended;
  });
  const cluster: Cluster = {
    directory,
    async psql(commands) {
      const child = spawn(
        join(binaries, 'psql'),
        ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', directory, '-U', 'bench', 'postgres'],
        { stdio: ['pipe', 'ignore', 'pipe'] },
      );
      let problem = '';
      child.stderr.on('data', (text) => {
        problem += text;
      });
      // A psql that could not connect does not read: its exit tells why.
      child.stdin.on('error', () => undefined);
      child.stdin.end(
        commands.map((text) => (text.startsWith('\\') ? text : `${text};`)).join('\n'),
      );
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`psql ended with ${code}: ${problem}`);
    },
  };
  await untilUp(cluster, server);
  await cluster.psql(schema);
  return cluster;
}

async function untilUp(cluster: Cluster, server: ChildProcess): Promise<void> {
  const untilMs = performance.now() + 30_000;
  for (;;) {
    try {
      return await cluster.psql(['select 1']);
    } catch (error) {
      if (server.exitCode !== null || performance.now() > untilMs) throw error;
    }
    await sleep(100);
  }
}

async function writeRows(
  file: string,
  ticks: number,
  rowsPerTick: number,
  row: CopiedTable['row'],
): Promise<void> {
  const random = new Random(1);
  const out = createWriteStream(file);
  for (let tick = 0; tick < ticks; tick++) {
    let text = '';
    for (let seq = 0; seq < rowsPerTick; seq++) {
      text += `ingest-0\t${tick}\t${seq}\t${row(tick, seq, random)}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}

/** Where the newest version's programs lie; on Debian, and as root, it is installed where it is missing. */
function findBinaries(): string | null {
  const find = (): string | null => {
    const versions = '/usr/lib/postgresql';
    if (!existsSync(versions)) return null;
    const [newest] = readdirSync(versions).sort((a, b) => Number(b) - Number(a));
    const directory = join(versions, newest ?? '', 'bin');
    return existsSync(join(directory, 'initdb')) ? directory : null;
  };
  const found = find();
  if (found !== null || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', 'postgresql'];
  try {
    execFileSync('apt-get', ['update'], { env, stdio: 'ignore' });
    execFileSync('apt-get', install, { env, stdio: 'ignore' });
  } catch {
    return null;
  }
  return find();
}

/** PostgreSQL refuses to run as root; Debian's package brings an account for it. */
function accountOfServer(): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
