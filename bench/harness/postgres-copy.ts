import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../load/random.ts';
import { orderKinds } from '../load/tick-bodies.ts';
import type { Lifetime } from './lifetime.ts';
import { type Cluster, startCluster } from './postgres-cluster.ts';
import { rounded } from './report.ts';

export interface CopyRate {
  readonly table: 'actions' | 'ledger events';
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly seconds: number;
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
  const part = lifetime.part();
  try {
    const cluster = await startCluster(part, schema);
    if (cluster === null) {
      console.error('PostgreSQL is not there: no COPY to compare with');
      return [];
    }
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
