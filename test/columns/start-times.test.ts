import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClickHouseStore } from '../../engine/columns/clickhouse-store.ts';
import type { ColumnClient } from '../../engine/columns/client.ts';
import { ColumnsHost } from '../../engine/columns/columns-host.ts';
import type { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { MergePause } from '../../engine/columns/merge-pause.ts';
import { SeenDatabases } from '../../engine/columns/seen-databases.ts';
import { shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import { Tailer } from '../../engine/columns/tailer.ts';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { Lifetime } from '../../engine/time/lifetime.ts';
import { catalog } from './fabricate.ts';
import { FakeTarget } from './fake-target.ts';
import { temporaryDirectory } from './stores.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A ClickHouse that writes down what it is told. */
function listening() {
  const told: string[] = [];
  const client = { command: async (sql: string) => void told.push(sql), close: async () => {} };
  return { told, client: client as unknown as ColumnClient };
}

it('merges are stopped for so long at most, whatever becomes of the start', async () => {
  const { told, client } = listening();
  await MergePause.begin(client, ['`a`.`b`', '`a`.`c`']);
  await vi.advanceTimersByTimeAsync(limits.columnsMergePauseMs - 1);
  const stopped = ['SYSTEM STOP MERGES `a`.`b`', 'SYSTEM STOP MERGES `a`.`c`'];
  expect(told).toEqual(stopped);
  await vi.advanceTimersByTimeAsync(1);
  const started = ['SYSTEM START MERGES `a`.`b`', 'SYSTEM START MERGES `a`.`c`'];
  expect(told).toEqual([...stopped, ...started]);
});

/** A host of a child that only counts how often it is told to yield. */
function yieldingHost() {
  let yields = 0;
  const child = { yieldProcessors: () => void yields++, close: async () => {}, pid: null };
  const way = { kind: 'url', url: 'http://localhost' } as const;
  const host = new ColumnsHost(child as unknown as EmbeddedHost, way, {});
  return { host, yields: () => yields };
}

async function storeIn(host: ColumnsHost, spoolDirectory: string): Promise<ClickHouseStore> {
  const tailer = await Tailer.open({
    tables: shippedTables(catalog),
    target: new FakeTarget(),
    storage: nodeStorage,
    spoolDirectory,
    logger: silentLogger,
    observer: {},
  });
  const client = host.connect();
  const lifetime = new Lifetime();
  const seen = new SeenDatabases({ client, catalog, masks: null });
  const shared = { catalog, client, tailer, host, lifetime };
  return new ClickHouseStore({ ...shared, mergePause: null, seen, scanRowsMax: 0 });
}

it('the column store works beside commits for so long at most, though it has not caught up', async () => {
  const directory = temporaryDirectory();
  const { host, yields } = yieldingHost();
  const store = await storeIn(host, directory.path);
  // Nobody offers what the log holds up to there.
  store.recovered(asLsn(9));
  await vi.advanceTimersByTimeAsync(limits.columnsCatchUpMs - 1);
  expect(yields()).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(yields()).toBe(1);
  vi.useRealTimers();
  await store.close();
  await host.close();
  directory.remove();
});

it('ClickHouse yields the processors once the last of its titles has caught up, or has closed', async () => {
  vi.useRealTimers();
  const directory = temporaryDirectory();
  const { host, yields } = yieldingHost();
  const [first, second, third] = await Promise.all(
    ['a', 'b', 'c'].map((name) => storeIn(host, `${directory.path}/${name}`)),
  );
  first?.recovered(asLsn(0));
  await expect.poll(() => first?.coveredLsn).toBe(0);
  second?.recovered(asLsn(0));
  await new Promise((resolve) => setImmediate(resolve));
  expect(yields()).toBe(0);
  await third?.close();
  expect(yields()).toBe(1);
  await Promise.all([first?.close(), second?.close()]);
  await host.close();
  directory.remove();
});
