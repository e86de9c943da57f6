import { describe, expect, it, vi } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { MetricRegistry } from '../../src/telemetry/metric-registry.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, setUnit, TestTitle } from './test-title.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits, closedSessionAnswersMax: 4 } };
});

const max = limits.closedSessionAnswersMax;

/** How a tick, sent again, is answered; with `key`, under a key of the client's own. */
function again(engine: Engine, tick: number, key: 'key' | null, fence = 1): Promise<string> {
  const idempotencyKey = key && `k${tick}`;
  return commit(engine, tick, { header: { fence, idempotencyKey } }).then(
    ({ duplicate }) => (duplicate ? 'duplicate' : 'applied'),
    ({ code }) => code,
  );
}

/** A write outside tick order, which a closed session takes too. */
function direct(engine: Engine, idempotencyKey: string) {
  const header = { tick: null, fence: null, idempotencyKey, onConflict: 'ABORT_TICK' } as const;
  return commit(engine, 0, { header, effects: [setUnit(1, { health: 5 })] });
}

/** Ticks, those that divide by three under keys of the client's. */
async function play(engine: Engine, from: number, to: number, fence = 1): Promise<void> {
  for (let tick = from; tick <= to; tick++) {
    await again(engine, tick, tick % 3 === 0 ? 'key' : null, fence);
  }
}

async function answers(engine: Engine, to: number, fence = 1): Promise<Record<number, string>> {
  const all: Record<number, string> = {};
  for (let tick = 1; tick <= to; tick++) {
    all[tick] = await again(engine, tick, tick % 3 === 0 ? 'key' : null, fence);
  }
  return all;
}

function expected(kept: readonly number[], to: number, code: string): Record<number, string> {
  const ticks = Array.from({ length: to }, (_, i) => i + 1);
  return Object.fromEntries(ticks.map((tick) => [tick, kept.includes(tick) ? 'duplicate' : code]));
}

/** The newest four of 20 ticks under default keys, and the newest four under others. */
const keptOf20 = [9, 12, 15, 18, 16, 17, 19, 20];

describe('a closed session', () => {
  it('answers its newest ticks and keys again, and has forgotten the rest (closedSessionAnswersMax)', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 20);
    expect(await answers(engine, 20)).toEqual(expected([...Array(21).keys()], 20, ''));
    await engine.closeSession(testTicket, 's', 1);
    expect(keptOf20).toHaveLength(2 * max);
    expect(await answers(engine, 20)).toEqual(expected(keptOf20, 20, 'FENCED'));
    await engine.openSession(testTicket, 's', true);
    expect(await answers(engine, 20, 2)).toEqual(expected(keptOf20, 20, 'TICK_OUT_OF_ORDER'));
    expect(await answers(engine, 20, 1)).toEqual(expected(keptOf20, 20, 'FENCED'));
  });

  it('keeps all answers where they are no more than that', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 5);
    await engine.closeSession(testTicket, 's', 1);
    expect(await answers(engine, 5)).toEqual(expected([1, 2, 3, 4, 5], 5, ''));
  });

  it('keeps all that it answers once it is taken over, until it is closed again', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 20);
    await engine.closeSession(testTicket, 's', 1);
    await engine.openSession(testTicket, 's', true);
    await play(engine, 21, 40, 2);
    const since = Array.from({ length: 20 }, (_, i) => 21 + i);
    expect(await answers(engine, 40, 2)).toEqual(
      expected([...keptOf20, ...since], 40, 'TICK_OUT_OF_ORDER'),
    );
    await engine.closeSession(testTicket, 's', 2);
    expect(await answers(engine, 40, 2)).toEqual(
      expected([30, 33, 36, 39, 35, 37, 38, 40], 40, 'FENCED'),
    );
  });

  it('is left as it is by a close that is refused', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 20);
    await expect(engine.closeSession(testTicket, 's', 7)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await answers(engine, 20)).toEqual(expected([...Array(21).keys()], 20, ''));
  });

  it('knows the newest keys of direct writes, those after it was closed among them', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 3);
    await engine.closeSession(testTicket, 's', 1);
    for (const key of ['a', 'b', 'c']) await direct(engine, key);
    for (const key of ['k3', 'a', 'b', 'c']) {
      const known = key === 'k3' ? again(engine, 3, 'key') : direct(engine, key);
      expect(await known).toEqual(
        key === 'k3' ? 'duplicate' : expect.objectContaining({ duplicate: true }),
      );
    }
    await direct(engine, 'd');
    expect(await again(engine, 3, 'key')).toBe('FENCED');
    expect(await direct(engine, 'a')).toMatchObject({ duplicate: true });
    await direct(engine, 'e');
    // Its key is forgotten, and nothing else tells that it was there before.
    expect(await direct(engine, 'a')).toMatchObject({ duplicate: false });
  });

  it('has forgotten the same whether it comes from a checkpoint or from the first record', async () => {
    const title = await TestTitle.create();
    const first = await title.open({ checkpointEveryBytes: 2_000 });
    await first.openSession(testTicket, 's', false);
    await play(first, 1, 20);
    await first.closeSession(testTicket, 's', 1);
    await title.close(first);
    const second = await title.open({ checkpointEveryBytes: 2_000 });
    expect(await answers(second, 20)).toEqual(expected(keptOf20, 20, 'FENCED'));
    await direct(second, 'a');
    await second.openSession(testTicket, 's', true);
    await play(second, 21, 26, 2);
    const kept = [12, 15, 18, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26];
    const content = contentOf(second);
    const wanted = expected(kept, 26, 'TICK_OUT_OF_ORDER');
    expect(await answers(second, 26, 2)).toEqual(wanted);
    await title.close(second);
    const fromCheckpoint = await title.open();
    expect(contentOf(fromCheckpoint)).toEqual(content);
    expect(await answers(fromCheckpoint, 26, 2)).toEqual(wanted);
    expect(await direct(fromCheckpoint, 'a')).toMatchObject({ duplicate: true });
    const { answerBytes } = fromCheckpoint.memory;
    await title.close(fromCheckpoint);
    title.columns.coveredLsn = 0;
    const fromStart = await title.open();
    expect(contentOf(fromStart)).toEqual(content);
    expect(await answers(fromStart, 26, 2)).toEqual(wanted);
    expect(await direct(fromStart, 'a')).toMatchObject({ duplicate: true });
    await fromStart.closeSession(testTicket, 's', 2);
    expect(fromStart.memory.answerBytes).toBeLessThan(answerBytes);
  });
});

describe('the memory of rows and answers', () => {
  it('refuses a new session from the very byte that fills it on, and takes what concerns others', async () => {
    const title = await TestTitle.create();
    const played = await title.open();
    await played.openSession(testTicket, 's', false);
    await play(played, 1, 20);
    await title.close(played);
    const total = ({ memory }: Engine) => memory.rowBytes + memory.viewBytes + memory.answerBytes;
    const unbounded = await title.open();
    const bytes = total(unbounded);
    await title.close(unbounded);

    const below = await title.open({ rowMemoryBytesMax: bytes + 1 });
    expect(total(below)).toBe(bytes);
    await below.openSession(testTicket, 'one', false);
    await title.close(below);

    const full = await title.open({ rowMemoryBytesMax: bytes });
    expect(total(full)).toBe(bytes);
    await expect(full.openSession(testTicket, 'two', false)).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      retryAfterMs: 1000,
      message: expect.stringContaining('close sessions that have ended'),
      details: { limit: 'rowMemoryBytesMax', max: bytes, actual: bytes },
    });
    expect(await full.openSession(testTicket, 'one', false)).toMatchObject({ open: true });
    expect(await full.openSession(testTicket, 's', true)).toMatchObject({ fence: 2 });
    await full.closeSession(testTicket, 's', 2);
    expect(total(full)).toBeLessThan(bytes);
    expect(await full.openSession(testTicket, 'two', false)).toMatchObject({ open: true });
    // The first tick since the start takes memory for strings.
    for (const tick of [21, 22]) {
      expect(await commit(full, tick, { header: { sessionId: 'one' } })).toMatchObject({ tick });
    }
    expect(total(full)).toBeGreaterThan(bytes);
  });

  it('is shown in the metrics', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    const metrics = new Metrics(new MetricRegistry(), 'rules');
    metrics.watch(engine);
    await engine.openSession(testTicket, 's', false);
    await play(engine, 1, 20);
    const { rowBytes, viewBytes, answerBytes } = engine.memory;
    expect(answerBytes).toBeGreaterThan(20 * 88);
    const text = await metrics.registry.metrics();
    expect(text).toContain(`tickloom_state_memory_bytes{title="rules",of="rows"} ${rowBytes}\n`);
    expect(viewBytes).toBeGreaterThan(0);
    expect(text).toContain(`tickloom_state_memory_bytes{title="rules",of="views"} ${viewBytes}\n`);
    expect(text).toContain(
      `tickloom_state_memory_bytes{title="rules",of="answers"} ${answerBytes}\n`,
    );
  });
});
