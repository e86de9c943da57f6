import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClickHouseStore } from '../../engine/columns/clickhouse-store.ts';
import type { ColumnClient } from '../../engine/columns/client.ts';
import type { ColumnPulse } from '../../engine/columns/column-pulse.ts';
import type { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { MergePause } from '../../engine/columns/merge-pause.ts';
import { shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import { Tailer } from '../../engine/columns/tailer.ts';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
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
  await MergePause.begin(client);
  await vi.advanceTimersByTimeAsync(limits.columnsMergePauseMs - 1);
  expect(told).toEqual(['SYSTEM STOP MERGES']);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['SYSTEM STOP MERGES', 'SYSTEM START MERGES']);
});

it('the column store works beside commits for so long at most, though it has not caught up', async () => {
  const directory = temporaryDirectory();
  const tailer = await Tailer.open({
    tables: shippedTables(catalog),
    target: new FakeTarget(),
    storage: nodeStorage,
    spoolDirectory: directory.path,
    logger: silentLogger,
    observer: {},
  });
  let yields = 0;
  const host = { yieldProcessors: () => void yields++, close: async () => {} };
  const store = new ClickHouseStore({
    catalog,
    client: listening().client,
    tailer,
    host: host as unknown as EmbeddedHost,
    mergePause: null,
    pulse: { close: async () => {} } as unknown as ColumnPulse,
  });
  // Nobody offers what the log holds up to there.
  store.recovered(asLsn(9));
  await vi.advanceTimersByTimeAsync(limits.columnsCatchUpMs - 1);
  expect(yields).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(yields).toBe(1);
  vi.useRealTimers();
  await store.close();
  directory.remove();
});
