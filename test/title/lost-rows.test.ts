import { readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { firstHeldLsn } from '../../engine/log/segment-files.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { listCheckpoints } from '../../engine/recover/checkpoint-directory.ts';
import type { EngineOptions } from '../../engine/title/open-engine.ts';
import { testTicket } from '../ticket.ts';
import { commit, TestTitle } from './test-title.ts';

const bounds = { memoryBytesMax: 1e9, rowsReadMax: 1e9, threadsMax: 1 };
const lives = 3;
const ticksOfALife = 10;
const ticks = lives * ticksOfALife;

/** A row of the action log a tick, and every value of them. */
async function actionsOf(engine: Engine): Promise<unknown> {
  await engine.columns.waitForCovered(testTicket.within(20_000), engine.appliedLsn);
  const query = 'SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM actionLog';
  return (await engine.columns.sql(testTicket, query, {}, 1, bounds, 'whole')).rows;
}

/** The blocks a part is made of, by its name: `all_<first>_<last>_<merges>`. */
function blocksOf(part: string): { readonly first: number; readonly last: number } {
  const [, first, last] = part.split('_').map(Number);
  return { first: first ?? 0, last: last ?? 0 };
}

/** Takes the first rows out of the action log, as ClickHouse does with a part that it finds broken. */
async function loseRows(directory: string): Promise<void> {
  const data = join(directory, 'columns', 'clickhouse', 'data', 'tickloom_ashfall', 'actionLog');
  const table = await realpath(data);
  const parts = (await readdir(table)).filter((name) => name.startsWith('all_'));
  // With those it was merged from, which would take its place.
  const gone = Math.max(...parts.map(blocksOf).map(({ first, last }) => (first === 1 ? last : 0)));
  for (const part of parts) {
    if (blocksOf(part).last <= gone) await rm(join(table, part), { recursive: true });
  }
}

/** A title of which ClickHouse has lost some rows while it was closed; and what it had before. */
async function shortOfRows(options: Partial<EngineOptions> = {}) {
  const title = await TestTitle.create();
  const errors: string[] = [];
  const logger = {
    info: () => {},
    warn: () => {},
    error: (_: object, message: string) => errors.push(message),
  };
  const open = (more: Partial<EngineOptions> = {}) =>
    title.open({ columns: 'embedded', logger, ...options, ...more });
  let before: unknown;
  // In lives, each of which ends in order: ClickHouse notes how far it is.
  for (let life = 0; life < lives; life++) {
    const engine = await open();
    await engine.openSession(testTicket, 's', false);
    for (let tick = 1; tick <= ticksOfALife; tick++) {
      await commit(engine, life * ticksOfALife + tick, { actions: [[]] });
    }
    before = await actionsOf(engine);
    await title.close(engine);
  }
  await loseRows(title.directory);
  return { title, open, errors, before };
}

describe('a column store that has lost rows', () => {
  it('has them filled in again from the log, and no other twice', async () => {
    const { title, open, errors, before } = await shortOfRows();
    const again = await open();
    expect(await actionsOf(again)).toEqual(before);
    expect(errors).toEqual([
      expect.stringMatching(/actionLog has \d+ up to record \d+, and had 30.*filled in again/),
    ]);
    await title.close(again);
    const third = await open();
    expect(await actionsOf(third)).toEqual(before);
    expect(errors.length).toBe(1);
  }, 180_000);

  it('refuses a start where the log no longer reaches back to them, unless they are given up', async () => {
    const { title, open, errors, before } = await shortOfRows({
      logRetainBytes: 0,
      logSegmentBytesMax: 1_000,
      checkpointEveryBytes: 1_000,
    });
    expect(await firstHeldLsn(nodeStorage, join(title.directory, 'log'))).toBeGreaterThan(1);
    const checkpoints = () => listCheckpoints(nodeStorage, join(title.directory, 'checkpoints'));
    const kept = await checkpoints();
    await expect(open()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/actionLog has \d+ .* and had 30.*--accept-lost-rows/),
    });
    expect(await checkpoints()).toEqual(kept);
    const served = await open({ acceptLostRows: true });
    const [[rows]] = (await actionsOf(served)) as [[string, string]];
    expect(Number(rows)).toBeLessThan(ticks);
    expect(before).not.toEqual(await actionsOf(served));
    expect(errors.at(-1)).toMatch(/actionLog has \d+ .* given up/);
    await title.close(served);
    // What was given up once is not missed again.
    const next = await open();
    expect(await actionsOf(next)).toEqual([[rows, expect.anything()]]);
  }, 180_000);
});
