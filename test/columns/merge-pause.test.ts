import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { asLsn } from '../../engine/model/position.ts';
import { countOf, openEmbedded, ship, temporaryDirectory } from './stores.ts';
import { expectedRows, tickOf } from './workload.ts';

const directory = temporaryDirectory();
let store: OpenColumnStore;
beforeAll(async () => {
  store = await openEmbedded(directory.path);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

/** Parts made of several: their name says of which inserts, from the first to the last. */
function mergedParts(): string[] {
  return partFiles()
    .map(String)
    .filter((path) => {
      const [, first, last] = /\/all_(\d+)_(\d+)_\d+(_\d+)?$/.exec(path) ?? [];
      return first !== last;
    });
}

/** Read again where a part got its name while the folders were read. */
function partFiles(): (string | Buffer)[] {
  try {
    return readdirSync(join(directory.path, 'clickhouse', 'store'), { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return partFiles();
  }
}

it('merges no part before what the log held at start is in, and merges then', async () => {
  const ticks = 60;
  for (let lsn = 1; lsn <= ticks; lsn++) await ship(store, [tickOf(lsn)]);
  expect(mergedParts()).toEqual([]);
  store.recovered(asLsn(ticks));
  await expect.poll(mergedParts, { timeout: 10_000 }).not.toEqual([]);
});

it('deletes what the log has lost, though no part is merged yet', async () => {
  await store.close();
  store = await openEmbedded(directory.path);
  await store.rewind(asLsn(40));
  const rows = await countOf(store, 'orders');
  expect(rows).toBe(expectedRows(40).orders);
});
