import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ColumnClient } from '../../engine/columns/client.ts';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { createStatements, databaseName } from '../../engine/columns/schema-sql.ts';
import { BlockBuilder } from '../../engine/columns/shipping/block.ts';
import { ClickHouseTarget } from '../../engine/columns/shipping/clickhouse-target.ts';
import { shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import { asLsn } from '../../engine/model/position.ts';
import { catalog, manyActions } from './fabricate.ts';
import { temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
let host: EmbeddedHost;
let client: ColumnClient;
beforeAll(async () => {
  host = await EmbeddedHost.start(directory.path, silentLogger);
  client = new ColumnClient({ kind: 'socket', socketPath: host.socketPath, secret: host.secret });
  for (const statement of createStatements(catalog)) await client.command(statement);
});
afterAll(async () => {
  await client.close();
  await host.close();
  directory.remove();
});

const ticks = 30;
const rowsPerTick = 50_000;

it.each(['sent', 'taken'] as const)(
  'inserts a block as one part, however large it is and however many sessions it holds: its file is %s',
  async (files) => {
    const database = databaseName(catalog.manifest.title);
    const target = new ClickHouseTarget({
      client,
      database,
      handOver: files === 'taken' ? (path) => host.handOver(path) : null,
      whenUp: () => Promise.resolve(),
    });
    const [orders] = shippedTables(catalog);
    if (!orders) throw new Error('the test title has an action table');
    const builder = BlockBuilder.of(orders);
    const changes = manyActions(1, rowsPerTick);
    for (let lsn = 1; lsn <= ticks; lsn++) {
      const tick = { ...changes, lsn: asLsn(lsn), sessionId: `s${lsn}` };
      builder.append(tick, orders.vectors(tick) ?? []);
    }
    const block = builder.seal();
    expect(block.rows).toBe(ticks * rowsPerTick);
    await client.command(`SYSTEM STOP MERGES ${database}.orders`);
    await client.command(`TRUNCATE TABLE ${database}.orders`);
    const path = join(directory.path, "it's \\ a block.arrows");
    await writeFile(path, Buffer.concat(block.parts()));
    const body = () => {
      if (files === 'taken') throw new Error('it is not asked for');
      return Readable.from(block.parts());
    };
    await target.insert(orders, { ...block, path, body }, files);
    const { rows } = await client.query({
      sql: 'SELECT count(), sum(rows), max(level) FROM system.parts WHERE database = {d:String} AND active',
      author: 'engine',
      parameters: { d: database },
    });
    expect(rows).toEqual([['1', String(ticks * rowsPerTick), 0]]);
  },
);

it('stops the inserts of a process before it, and of no other title', async () => {
  const database = databaseName(catalog.manifest.title);
  const whenUp = () => Promise.resolve();
  const target = new ClickHouseTarget({ client, database, handOver: null, whenUp });
  const slowly = (id: string) =>
    client.insert(
      `INSERT INTO ${database}.orders (_lsn) SELECT 1000 + sleepEachRow(0.05) FROM numbers(40)`,
      id,
      null,
      { max_block_size: 1 },
    );
  const settled = Promise.allSettled([slowly(`${database}:1`), slowly(`${database}_2:1`)]);
  const running = async () => {
    const { rows } = await client.query({
      sql: "SELECT count() FROM system.processes WHERE Settings['log_comment'] LIKE '%:1'",
      author: 'engine',
    });
    return Number(rows[0]?.[0]);
  };
  await expect.poll(running).toBe(2);
  await target.stopInserts();
  expect(await running()).toBe(1);
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});
