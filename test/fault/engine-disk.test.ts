import { describe, expect, test } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, insertUnit, setUnit, TestTitle } from '../title/test-title.ts';
import { FaultyStorage } from './storage.ts';

const units = Array.from({ length: 40 }, (_, i) => [insertUnit(i, { blueprint: 'x'.repeat(50) })]);

async function opened(options: Parameters<TestTitle['open']>[0] = {}) {
  const title = await TestTitle.create();
  const storage = new FaultyStorage();
  const engine = await title.open({ storage, ...options });
  await engine.openSession(testTicket, 's', false);
  await commit(engine, 1, { actions: units });
  return { title, storage, engine };
}

async function refusesAll(engine: Engine, tick: number): Promise<void> {
  const unavailable = { code: 'UNAVAILABLE' };
  await expect(commit(engine, tick)).rejects.toMatchObject(unavailable);
  await expect(engine.openSession(testTicket, 'other', false)).rejects.toMatchObject(unavailable);
  await expect(engine.closeSession(testTicket, 's', null)).rejects.toMatchObject(unavailable);
}

describe('a write or sync that fails', () => {
  for (const [durability, call] of [
    [{ mode: 'strict' }, 'writeThrough'],
    [{ mode: 'interval', syncEveryMs: 1 }, 'sync'],
  ] as const) {
    test(`in ${durability.mode} ends all acknowledging until a restart, which finds what was promised`, async () => {
      const { title, storage, engine } = await opened({ durability });
      storage.inject({ kind: 'error', code: 'EIO', call });
      const waiting = commit(engine, 9, { header: { afterTick: 8 } });
      const refused = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      let acknowledged = 1;
      // In `interval` ticks are acknowledged until the sync in the background fails.
      for (let tick = 2; !engine.failure; tick++) {
        const outcome = await commit(engine, tick).catch((error) => error);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'UNAVAILABLE' });
        else acknowledged = tick;
      }
      await refused;
      expect(engine.failure).toMatchObject({ code: 'UNAVAILABLE' });
      await refusesAll(engine, 99);
      // What is there can still be read.
      expect(engine.session(testTicket, 's')).toMatchObject({ lastTick: acknowledged });
      expect(engine.state.rowCount('unitState')).toBe(units.length);
      await title.close(engine).catch(() => {});
      storage.restart('process');
      const again = await title.open({ storage, durability });
      expect(again.session(testTicket, 's')?.lastTick).toBeGreaterThanOrEqual(acknowledged);
      expect(again.failure).toBeNull();
      await commit(again, 100);
    });
  }
});

describe('a full disk', () => {
  test('refuses new ticks and keeps what was acknowledged; service resumes when there is room', async () => {
    const { title, storage, engine } = await opened();
    const before = contentOf(engine);
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'writeThrough' });
    const group = [2, 3, 4].map((tick) =>
      commit(engine, tick, { actions: [[setUnit(1, { x: 9 })]] }),
    );
    for (const outcome of await Promise.allSettled(group)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    }
    await refusesAll(engine, 2);
    expect(engine.failure).not.toBeNull();
    expect(contentOf(engine)).toEqual(before);
    await expect.poll(() => engine.failure, { timeout: 10_000 }).toBeNull();
    const outcome = await commit(engine, 2, { actions: [[setUnit(1, { x: 7 })]] });
    expect(outcome).toMatchObject({ duplicate: false, accepted: 1 });
    const after = contentOf(engine);
    await title.close(engine);
    expect(contentOf(await title.open({ storage }))).toEqual(after);
  });

  test('of the column store refuses new ticks until there is room, and says why', async () => {
    const title = await TestTitle.create();
    const columns = new FakeColumnStore();
    const engine = await title.open({ columns });
    await engine.openSession(testTicket, 's', false);
    columns.outOfRoom = new EngineError('UNAVAILABLE', 'full', { retryAfterMs: 1_000 });
    await refusesAll(engine, 1);
    expect(engine.failure).toBe(columns.outOfRoom);
    columns.outOfRoom = null;
    expect(await commit(engine, 1)).toMatchObject({ duplicate: false });
  });

  test('keeps a checkpoint from being taken, and no tick from being committed', async () => {
    const failures: (Error | null)[] = [];
    const { title, storage, engine } = await opened({
      checkpointEveryBytes: 2_000,
      observer: { onCheckpoint: (_seconds, failure) => failures.push(failure) },
    });
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'write', path: '/checkpoints/' });
    for (let tick = 2; !failures.some((failure) => failure !== null); tick++) {
      await commit(engine, tick, { actions: [[setUnit(tick % 40, { x: tick })]] });
    }
    expect(engine.failure).toBeNull();
    const content = contentOf(engine);
    await title.close(engine);
    expect(contentOf(await title.open({ storage }))).toEqual(content);
  });
});
