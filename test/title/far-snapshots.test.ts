import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ColumnListRequest, ColumnQueries } from '../../engine/columns/column-queries.ts';
import type { Ticket } from '../../engine/govern/ticket.ts';
import { finish } from '../../engine/govern/work.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Row } from '../../engine/model/types.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { ColumnSnapshots } from '../../engine/title/column-snapshots.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { testTicket } from '../ticket.ts';
import { commit, insertUnit, setUnit } from './test-title.ts';

const catalog = new Catalog(ashfall);
const live = new LiveState(new TitleState(catalog));

/** Rows 0 to `rows` - 1, of which an answer holds `fitting`. */
function storeOf(rows: number, fitting: number) {
  const asked: { request: ColumnListRequest; ticket: Ticket }[] = [];
  const columns = {
    coveredLsn: asLsn(7),
    waitForCovered: async () => {},
    list: async (ticket: Ticket, request: ColumnListRequest) => {
      asked.push({ request, ticket });
      if (request.first > fitting) {
        throw new EngineError('LIMIT_EXCEEDED', 'too large', { details: { bytesMax: 1 } });
      }
      const start = Number(request.after ?? 0);
      const end = Math.min(rows, start + request.first);
      const page = Array.from({ length: end - start }, (_, i): Row => ({ unitId: start + i }));
      return { rows: page, endCursor: String(end), hasNextPage: end < rows };
    },
  } as unknown as ColumnQueries;
  return { asked, snapshots: new ColumnSnapshots({ catalog, live, columns, scanRowsMax: 0 }) };
}

test('come page by page, all as of one position, and large rows fewer at a time', async () => {
  const rows = 2 * limits.snapshotPageRows + 1;
  const { asked, snapshots } = storeOf(rows, limits.snapshotPageRows);
  const read = await snapshots.read(testTicket, 'unitState', null, asLsn(5));
  expect(read.map(({ unitId }) => unitId)).toEqual(Array.from({ length: rows }, (_, i) => i));
  expect(asked.map(({ request: { first, asOf } }) => [first, asOf])).toEqual(
    Array.from({ length: 3 }, () => [limits.snapshotPageRows, 5]),
  );
  expect(asked[0]?.request.bounds).toEqual({
    memoryBytesMax: limits.snapshotMemoryBytesMax,
    rowsReadMax: limits.snapshotRowsReadMax,
    threadsMax: 1,
  });
  const large = storeOf(10, 3);
  expect(await large.snapshots.read(testTicket, 'unitState', null, asLsn(5))).toHaveLength(10);
  const tooLarge = storeOf(10, 0);
  await expect(
    tooLarge.snapshots.read(testTicket, 'unitState', null, asLsn(5)),
  ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
});

test('are read one after the other, whoever asks', async () => {
  const { asked, snapshots } = storeOf(1, 10_000);
  const failing = snapshots.read(testTicket, 'unitState', null, asLsn(5)).then(() => {
    expect(asked).toHaveLength(1);
  });
  const second = snapshots.read(testTicket, 'unitState', null, asLsn(6));
  await failing;
  await second;
  expect(asked).toHaveLength(2);
});

test('of a store that is behind are UNAVAILABLE, to be asked for again', async () => {
  const columns = {
    waitForCovered: () => Promise.reject(new EngineError('NOT_CAUGHT_UP', 'behind')),
  } as unknown as ColumnQueries;
  const snapshots = new ColumnSnapshots({ catalog, live, columns, scanRowsMax: 0 });
  await expect(snapshots.cover(testTicket, asLsn(9))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterMs: 1_000,
  });
});

test('from ClickHouse are joined by the ticks that come meanwhile, without a gap', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-far-'));
  const durability = { mode: 'none' } as const;
  const columns = 'embedded' as const;
  const options = { manifest: ashfall, directory, durability, columns, scanRowsMax: 0 };
  const engine = await openEngine(options);
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  });
  await engine.openSession(testTicket, 's', false);
  let tick = 0;
  const units = 60;
  await commit(engine, ++tick, {
    effects: Array.from({ length: units }, (_, unitId) => insertUnit(unitId, { health: unitId })),
  });
  const where = { kind: 'compare', column: 'health', op: 'gte', value: 30 } as const;
  const request = { where, cursor: null, maxRate: null, onLag: 'COALESCE' } as const;
  for (let round = 0; round < 5; round++) {
    const frames = engine.views.subscribe(testTicket, 'unitState', request);
    const first = frames.next();
    for (let i = 0; i < 20; i++) {
      const unitId = (round * 20 + i * 7) % units;
      await commit(engine, ++tick, { effects: [setUnit(unitId, { health: (i * 13) % 60 })] });
    }
    // The last tick concerns the subscription.
    await commit(engine, ++tick, { effects: [setUnit(round, { health: 40 + round })] });
    const last = engine.appliedLsn;
    const rows = new Map<unknown, Row>();
    let frame = (await first).value;
    expect(frame?.kind).toBe('SNAPSHOT');
    for (;;) {
      for (const { unitId } of frame?.removed ?? []) rows.delete(unitId);
      for (const row of frame?.rows ?? []) rows.set(row.unitId, row);
      if ((frame?.lsn ?? 0) >= last) break;
      frame = (await frames.next()).value;
    }
    await frames.return?.();
    const byId = (all: Iterable<Row>) =>
      [...all].sort((a, b) => Number(a.unitId) - Number(b.unitId));
    const now = finish(engine.state.select(testTicket, 'unitState', where));
    expect(byId(rows.values())).toEqual(byId(now));
  }
}, 60_000);
