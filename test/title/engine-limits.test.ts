import { describe, expect, it, vi } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { Checkpointer } from '../../engine/recover/checkpointer.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { commit, insertUnit, TestTitle } from './test-title.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  const small = {
    sessionsMax: 3,
    commitsPendingMax: 5,
    ticksWaitingMax: 2,
    ticksWaitingBytesMax: 90_000,
    idempotencyTicksMax: 4,
    logPendingBytesMax: 20_000,
    tickWaitMs: 20,
  };
  return { limits: { ...limits, ...small } };
});

async function opened(storage?: FaultyStorage) {
  const title = await TestTitle.create();
  const engine = await title.open(storage ? { storage } : {});
  await engine.openSession(testTicket, 's', false);
  return engine;
}

describe('at its bounds the engine', () => {
  it('opens so many sessions and no more, and still finds those it has', async () => {
    const engine = await opened();
    await engine.openSession(testTicket, 't', false);
    await engine.openSession(testTicket, 'u', false);
    // A closed session keeps its place: its fence still has to refuse who was replaced.
    await engine.closeSession(testTicket, 't', null);
    await expect(engine.openSession(testTicket, 'v', false)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(
        'take over one that has ended and go on after its last tick',
      ),
    });
    expect(await engine.openSession(testTicket, 't', true)).toMatchObject({ open: true, fence: 2 });
    expect(await engine.openSession(testTicket, 'u', false)).toMatchObject({ sessionId: 'u' });
    expect(await engine.openSession(testTicket, 'u', true)).toMatchObject({ fence: 2 });
  });

  it('opens so many and no more when all are asked for at once', async () => {
    const engine = await opened();
    const opens = ['t', 'u', 'v'].map((sessionId) =>
      engine.openSession(testTicket, sessionId, false),
    );
    const statuses = (await Promise.allSettled(opens)).map(({ status }) => status);
    expect(statuses).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });

  it('lets so many commits wait, and answers the next with a time to try again', async () => {
    const engine = await opened();
    const commits = [1, 2, 3, 4, 5, 6].map((tick) => commit(engine, tick));
    const outcomes = await Promise.allSettled(commits);
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(5).fill('fulfilled'),
      'rejected',
    ]);
    expect(outcomes[5]).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: 50 } });
    await commit(engine, 6);
  });

  it('lets so many ticks of a session wait for another, and each only for a while', async () => {
    const engine = await opened();
    const waiting = [3, 5, 7].map((tick) =>
      commit(engine, tick, { header: { afterTick: tick - 1 } }),
    );
    const [third, fifth, seventh] = await Promise.allSettled(waiting);
    expect(seventh).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: 100 } });
    for (const outcome of [third, fifth]) {
      expect(outcome).toMatchObject({ reason: { code: 'TICK_OUT_OF_ORDER' } });
    }
    const [one, other] = await Promise.allSettled([
      commit(engine, 3, { header: { afterTick: 2 } }),
      commit(engine, 4, { header: { afterTick: 2 } }),
    ]);
    expect(other).toMatchObject({ reason: { code: 'TICK_OUT_OF_ORDER' } });
    expect(one).toMatchObject({ status: 'rejected' });
  });

  it('lets so many bytes of ticks wait, and takes the next once there is room', async () => {
    let waitingBytes = 0;
    const title = await TestTitle.create();
    const engine = await title.open({
      observer: {
        onWaitingBytes: (bytes) => {
          waitingBytes = bytes;
        },
      },
    });
    await engine.openSession(testTicket, 's', false);
    await engine.openSession(testTicket, 't', false);
    const large = (tick: number, sessionId: string) =>
      commit(engine, tick, {
        header: { sessionId, afterTick: tick - 1 },
        actions: [[insertUnit(tick, { blueprint: 'x'.repeat(15_000) })]],
      });
    const second = large(2, 's');
    const refused = large(2, 't');
    await expect(refused).rejects.toMatchObject({ code: 'OVERLOADED', retryAfterMs: 100 });
    expect(waitingBytes).toBeGreaterThan(15_000);
    await Promise.all([commit(engine, 1), second]);
    expect(waitingBytes).toBe(0);
    const other = large(2, 't');
    await Promise.all([commit(engine, 1, { header: { sessionId: 't' } }), other]);
  });

  it('knows so many ticks again, and calls older ones out of order', async () => {
    const engine = await opened();
    for (let tick = 1; tick <= 6; tick++) await commit(engine, tick);
    for (const tick of [3, 4, 5, 6]) {
      expect(await commit(engine, tick)).toMatchObject({ duplicate: true, tick });
    }
    await expect(commit(engine, 2)).rejects.toMatchObject({ code: 'TICK_OUT_OF_ORDER' });
    for (let tick = 7; tick <= 12; tick++) {
      await commit(engine, tick, { header: { idempotencyKey: `k${tick}` } });
    }
    const retry = (tick: number) =>
      commit(engine, tick, { header: { idempotencyKey: `k${tick}` } });
    expect(await retry(9)).toMatchObject({ duplicate: true });
    await expect(retry(8)).rejects.toMatchObject({ code: 'TICK_OUT_OF_ORDER' });
  });

  it('takes so many bytes that are not durable yet', async () => {
    const engine = await opened(new FaultyStorage());
    const large = { actions: [[insertUnit(1, { blueprint: 'x'.repeat(15_000) })]] };
    const [first, second] = await Promise.allSettled([
      commit(engine, 1, large),
      commit(engine, 2, large),
    ]);
    expect(first).toMatchObject({ status: 'fulfilled' });
    expect(second).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: 100 } });
    await commit(engine, 2);
  });

  it('takes a checkpoint after so many bytes of log, and none after one less', async () => {
    const header = tickHeader(1, { sessionId: 's' });
    const catalog = new Catalog(ashfall);
    const { record } = encodeTick(buildTickBatch(catalog, { header, actions: [], effects: [] }));
    const bytes = record(1_000, null).reduce((sum, part) => sum + part.byteLength, 0);
    for (const [checkpointEveryBytes, taken] of [
      [bytes, 1],
      [bytes + 1, 0],
    ] as const) {
      const title = await TestTitle.create();
      const engine = await title.open({ checkpointEveryBytes });
      await engine.openSession(testTicket, 's', false);
      const checkpoint = vi.spyOn(Checkpointer.prototype, 'checkpoint');
      await commit(engine, 1);
      // A checkpoint begins in the turn in which the tick is applied, before that is answered.
      expect(checkpoint).toHaveBeenCalledTimes(taken);
      checkpoint.mockRestore();
    }
  });
});
