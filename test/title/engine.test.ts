import { describe, expect, it } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, insertUnit, setUnit, TestTitle } from './test-title.ts';

const unit = (engine: Engine, unitId: number) =>
  engine.state.get(testTicket, 'unitState', { sessionId: 's', unitId });

async function opened() {
  const title = await TestTitle.create();
  const engine = await title.open();
  await engine.openSession(testTicket, 's', false);
  return { title, engine };
}

describe('an acknowledged tick', () => {
  it('can be read at once, at the position it was told', async () => {
    const { engine } = await opened();
    const outcome = await commit(engine, 1, { actions: [[insertUnit(7, { health: 3 })]] });
    expect(engine.appliedLsn).toBeGreaterThanOrEqual(outcome.lsn);
    expect(unit(engine, 7)).toMatchObject({ health: 3, position: `0:${outcome.lsn}`, version: 1 });
    expect(finish(engine.views.read(testTicket, 'matchPulse', null)).rows).toMatchObject([
      { sessionId: 's', actions: 1n },
    ]);
    await engine.waitForApplied(testTicket, outcome.lsn);
  });

  it('keeps a text as it was given, a byte order mark at its start included', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await engine.openSession(testTicket, 's', false);
    const blueprints = ['\uFEFFtank', 'tank'];
    const effects = blueprints.map((blueprint, i) => insertUnit(i, { blueprint }));
    await commit(engine, 1, { actions: [effects] });
    expect(blueprints.map((_, i) => unit(engine, i)?.blueprint)).toEqual(blueprints);
    await title.close(engine);
    const again = await title.open();
    expect(blueprints.map((_, i) => unit(again, i)?.blueprint)).toEqual(blueprints);
  });

  it('is there after a restart, with its session, retries and views', async () => {
    const { title, engine } = await opened();
    for (let tick = 1; tick <= 20; tick++) {
      await commit(engine, tick, {
        actions: [
          [setUnit(tick % 5, { x: tick, blueprint: `b${tick}` })],
          [
            insertUnit(tick % 7),
            { op: 'append', table: 'matchMetrics', row: { name: 'n', value: tick } },
          ],
        ],
      });
    }
    const before = contentOf(engine);
    const answer = await commit(engine, 20, { actions: [] }).catch((error) => error.code);
    expect(answer).toBe('IDEMPOTENCY_MISMATCH');
    await title.close(engine);
    const again = await title.open();
    expect(contentOf(again)).toEqual(before);
  });

  it('is not seen by anybody before it is durable', async () => {
    const title = await TestTitle.create();
    let reachedDisk: () => void = () => {};
    let seenAtWrite: unknown = 'no write';
    const engine: { current: Engine | null } = { current: null };
    const storage = new FaultyStorage({
      onCall: (call) => {
        if (call !== 'writeThrough' || !engine.current) return;
        seenAtWrite = unit(engine.current, 1);
        reachedDisk();
      },
    });
    const first = await title.open({ storage });
    await first.openSession(testTicket, 's', false);
    engine.current = first;
    const written = new Promise<void>((resolve) => {
      reachedDisk = resolve;
    });
    const committed = commit(first, 1, { actions: [[insertUnit(1)]] });
    await written;
    expect(seenAtWrite).toBeNull();
    await committed;
    expect(unit(first, 1)).not.toBeNull();
  });
});

describe('a repeated tick', () => {
  const content = { actions: [[insertUnit(1)], [insertUnit(1)]] };

  it('answers as the first time, also after a restart, and changes nothing', async () => {
    const { title, engine } = await opened();
    const first = await commit(engine, 1, content);
    expect(first).toMatchObject({ duplicate: false, accepted: 1, rejected: 1 });
    const again = await commit(engine, 1, content);
    const { duplicate, ...rest } = again;
    expect(duplicate).toBe(true);
    expect(rest).toEqual(withoutDuplicate(first));
    const before = contentOf(engine);
    await title.close(engine);
    const restarted = await title.open();
    const later = await commit(restarted, 1, content);
    expect(later).toMatchObject({ duplicate: true, lsn: first.lsn, stateHash: first.stateHash });
    expect(later.conflicts.map(withoutWriter)).toEqual(first.conflicts.map(withoutWriter));
    expect(contentOf(restarted)).toEqual(before);
  });

  it('is recognised while the first is still under way', async () => {
    const { engine } = await opened();
    const outcomes = await Promise.all([1, 2, 3].map(() => commit(engine, 1, content)));
    expect(outcomes.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    expect(new Set(outcomes.map(({ lsn }) => lsn)).size).toBe(1);
    expect(unit(engine, 1)).toMatchObject({ version: 1 });
  });

  it('is known by the key of the client, whatever its tick', async () => {
    const { engine } = await opened();
    const header = { idempotencyKey: 'k1' };
    await commit(engine, 1, { ...content, header });
    expect(await commit(engine, 1, { ...content, header })).toMatchObject({ duplicate: true });
    await expect(commit(engine, 2, { ...content, header })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_MISMATCH',
    });
    // Without its key the same tick is an old one.
    await expect(commit(engine, 1, content)).rejects.toMatchObject({ code: 'TICK_OUT_OF_ORDER' });
  });

  it('is tried anew when it was aborted', async () => {
    const { engine } = await opened();
    const header = { onConflict: 'ABORT_TICK' } as const;
    await commit(engine, 1, { actions: [[insertUnit(1)]] });
    const aborted = await commit(engine, 2, { actions: [[insertUnit(1)]], header });
    expect(aborted).toMatchObject({ aborted: true, duplicate: false });
    expect(engine.session(testTicket, 's')).toMatchObject({ lastTick: 1 });
    const other = await commit(engine, 2, { actions: [[insertUnit(2)]], header });
    expect(other).toMatchObject({ aborted: false, duplicate: false, accepted: 1 });
  });
});

describe('ticks with afterTick', () => {
  it('are applied in their order, however they arrive', async () => {
    const { engine } = await opened();
    const ticks = [1, 2, 3, 4, 5, 6, 7, 8];
    const arrival = [3, 1, 8, 2, 6, 5, 7, 4];
    const outcomes = await Promise.all(
      arrival.map((tick) =>
        commit(engine, tick, {
          actions: [[setUnit(1, { x: tick })]],
          header: { afterTick: tick === 1 ? null : tick - 1 },
        }),
      ),
    );
    const inOrder = [...outcomes].sort((a, b) => a.lsn - b.lsn).map(({ tick }) => tick);
    expect(inOrder).toEqual(ticks);
    expect(unit(engine, 1)).toMatchObject({ x: 8, version: 8 });
  });

  it('are refused when the one before was aborted', async () => {
    const { engine } = await opened();
    await commit(engine, 1, { actions: [[insertUnit(1)]] });
    const [aborted, follower, next] = await Promise.allSettled([
      commit(engine, 2, { actions: [[insertUnit(1)]], header: { onConflict: 'ABORT_TICK' } }),
      commit(engine, 3, { header: { afterTick: 2 } }),
      commit(engine, 4, { header: { afterTick: 3 } }),
    ]);
    expect(aborted).toMatchObject({ status: 'fulfilled', value: { aborted: true } });
    expect(follower).toMatchObject({ status: 'rejected', reason: { code: 'TICK_ABORTED' } });
    expect(next).toMatchObject({ status: 'rejected', reason: { code: 'TICK_OUT_OF_ORDER' } });
    expect(engine.session(testTicket, 's')).toMatchObject({ lastTick: 1 });
  });

  it('are known again when they are sent again while they wait', async () => {
    const { engine } = await opened();
    const content = { actions: [[insertUnit(1)]], header: { afterTick: 1 } };
    const both = Promise.all([commit(engine, 2, content), commit(engine, 2, content)]);
    await commit(engine, 1);
    const [first, again] = await both;
    expect([first.duplicate, again.duplicate, again.lsn]).toEqual([false, true, first.lsn]);
    expect(unit(engine, 1)).toMatchObject({ version: 1 });
  });

  it('wait for a tick that the log did not take, until it is sent again', async () => {
    const title = await TestTitle.create();
    const storage = new FaultyStorage();
    const engine = await title.open({ storage });
    await engine.openSession(testTicket, 's', false);
    await commit(engine, 1);
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'writeThrough' });
    await expect(commit(engine, 2, { header: { afterTick: 1 } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    // The log takes nothing now: the tick is refused at once, not ordered after a tick that is not.
    await expect(commit(engine, 2, { header: { afterTick: 1 } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const waiting = commit(engine, 3, { header: { afterTick: 2 } });
    await expect.poll(() => engine.failure, { timeout: 5000 }).toBeNull();
    expect(await commit(engine, 2, { header: { afterTick: 1 } })).toMatchObject({ tick: 2 });
    expect(await waiting).toMatchObject({ tick: 3 });
  });
});

describe('a session', () => {
  it('is taken over by one simulator at a time: each is told a fence of its own', async () => {
    const { engine } = await opened();
    const taken = await Promise.all([1, 2, 3].map(() => engine.openSession(testTicket, 's', true)));
    expect(taken.map(({ fence }) => fence)).toEqual([2, 3, 4]);
    await expect(commit(engine, 1, { header: { fence: 3 } })).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect(await commit(engine, 1, { header: { fence: 4 } })).toMatchObject({ tick: 1 });
  });

  it('needs no fence until it is taken over for the first time', async () => {
    const { engine } = await opened();
    await commit(engine, 1);
    await commit(engine, 2, { header: { fence: 1 } });
    await engine.openSession(testTicket, 's', true);
    await expect(commit(engine, 3)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(commit(engine, 3, { header: { fence: 1 } })).rejects.toMatchObject({
      code: 'FENCED',
    });
    await commit(engine, 3, { header: { fence: 2 } });
  });

  it('refuses a tick that was on its way when the session was taken over', async () => {
    const { engine } = await opened();
    const [taken, late] = await Promise.allSettled([
      engine.openSession(testTicket, 's', true),
      commit(engine, 1, { header: { fence: 1 }, actions: [[insertUnit(1)]] }),
    ]);
    expect(taken).toMatchObject({ status: 'fulfilled', value: { fence: 2 } });
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'FENCED' } });
    expect(unit(engine, 1)).toBeNull();
  });

  it.each([
    ['taken over', (engine: Engine) => engine.openSession(testTicket, 's', true)],
    ['closed', (engine: Engine) => engine.closeSession(testTicket, 's', null)],
  ])('refuses a tick that waited for another once it is %s, at once', async (_, change) => {
    const { engine } = await opened();
    const waiting = commit(engine, 3, { header: { afterTick: 2, fence: 1 } });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'FENCED' });
    await change(engine);
    await refused;
  });

  it('answers a retry of what it has, even to an older fence', async () => {
    const { engine } = await opened();
    const first = await commit(engine, 1, { header: { fence: 1 } });
    await engine.openSession(testTicket, 's', true);
    const again = await commit(engine, 1, { header: { fence: 1 } });
    expect(again).toMatchObject({ duplicate: true, lsn: first.lsn });
  });

  it('refuses ticks once closed, and takes them again after a take-over', async () => {
    const { title, engine } = await opened();
    await expect(engine.closeSession(testTicket, 's', 9)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await engine.closeSession(testTicket, 's', 1)).toMatchObject({ open: false });
    await expect(commit(engine, 1, { header: { fence: 1 } })).rejects.toMatchObject({
      code: 'FENCED',
    });
    // An open that did not open would be found out by the next tick only.
    await expect(engine.openSession(testTicket, 's', false)).rejects.toMatchObject({
      code: 'FENCED',
    });
    await title.close(engine);
    const again = await title.open();
    expect(again.session(testTicket, 's')).toMatchObject({ open: false, fence: 1 });
    expect(await again.openSession(testTicket, 's', true)).toMatchObject({ open: true, fence: 2 });
    await commit(again, 1, { header: { fence: 2 } });
  });

  it('has to be opened first', async () => {
    const title = await TestTitle.create();
    const engine = await title.open();
    await expect(commit(engine, 1)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(engine.closeSession(testTicket, 's', null)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(engine.session(testTicket, 's')).toBeNull();
    await expect(engine.openSession(testTicket, 'a b', false)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  it('counts its ticks upwards, with gaps', async () => {
    const { engine } = await opened();
    await commit(engine, 0);
    await commit(engine, 10);
    await expect(commit(engine, 9)).rejects.toMatchObject({ code: 'TICK_OUT_OF_ORDER' });
    await expect(
      commit(engine, 20, { actions: [[insertUnit(1)]], header: { afterTick: 5 } }),
    ).rejects.toMatchObject({ code: 'TICK_OUT_OF_ORDER' });
    expect(engine.session(testTicket, 's')).toMatchObject({ lastTick: 10 });
  });
});

describe('a direct write', () => {
  const write = (engine: Engine, expectedVersion: number, key: string | null = null) => {
    const effect: EffectInput = {
      op: 'compareAndSet',
      table: 'unitState',
      key: { unitId: 1 },
      expectedVersion,
      set: { health: expectedVersion * 10 },
      require: null,
    };
    const header = tickHeader(null, { idempotencyKey: key });
    return engine.commit(
      testTicket,
      buildTickBatch(engine.catalog, { header, actions: [], effects: [effect] }),
    );
  };

  it('is a tick of its own outside tick order, in the session’s chain', async () => {
    const { title, engine } = await opened();
    const tick = await commit(engine, 5, { actions: [[insertUnit(1)]] });
    const written = await write(engine, 1);
    expect(written).toMatchObject({ tick: null, aborted: false, row: { health: 10, version: 2 } });
    expect(written.stateHash).not.toBe(tick.stateHash);
    expect(engine.session(testTicket, 's')).toMatchObject({
      lastTick: 5,
      stateHash: written.stateHash,
    });
    const lost = await write(engine, 1);
    expect(lost).toMatchObject({
      aborted: true,
      tickConflict: { code: 'VERSION_MISMATCH', expectedVersion: 1, actualVersion: 2 },
      row: { version: 2 },
    });
    const before = contentOf(engine);
    await title.close(engine);
    expect(contentOf(await title.open())).toEqual(before);
  });

  it('is done once under a key, and again and again without', async () => {
    const { engine } = await opened();
    await commit(engine, 1, { actions: [[insertUnit(1)]] });
    expect(await write(engine, 1, 'k')).toMatchObject({ duplicate: false, row: { version: 2 } });
    expect(await write(engine, 1, 'k')).toMatchObject({ duplicate: true, row: { version: 2 } });
    await expect(write(engine, 2, 'k')).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
    expect(await write(engine, 2)).toMatchObject({ duplicate: false, row: { version: 3 } });
  });
});

describe('waiting for a position', () => {
  it('ends when it is applied', async () => {
    const { engine } = await opened();
    const position = asLsn(engine.appliedLsn + 2);
    const waiting = engine
      .waitForApplied(testTicket.within(5000), position)
      .then(() => engine.appliedLsn);
    await commit(engine, 1);
    await commit(engine, 2);
    expect(await waiting).toBeGreaterThanOrEqual(position);
  });

  it('ends with NOT_CAUGHT_UP when it is not applied in time', async () => {
    const { engine } = await opened();
    await expect(engine.waitForApplied(testTicket.within(5), asLsn(99))).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
      details: { position: `0:${engine.appliedLsn}` },
    });
  });
});

describe('closing', () => {
  it('answers everything under way, and refuses what comes after', async () => {
    const { title, engine } = await opened();
    // Enough to apply that it takes more than one turn of the event loop.
    const many = Array.from({ length: 3000 }, (_, i) => [setUnit(i, { x: i })]);
    const commits = Array.from({ length: 6 }, (_, i) => commit(engine, i + 1, { actions: many }));
    const waiting = commit(engine, 9, { header: { afterTick: 8 } });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.resolve();
    await engine.close();
    const outcomes = await Promise.all(commits);
    expect(outcomes.map(({ accepted }) => accepted)).toEqual(Array(6).fill(3000));
    await refused;
    await expect(commit(engine, 7)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(engine.openSession(testTicket, 't', false)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await title.close(engine).catch(() => {});
    const again = await title.open();
    expect(again.session(testTicket, 's')).toMatchObject({ lastTick: 6 });
    expect(again.state.rowCount('unitState')).toBe(3000);
  });
});

function withoutDuplicate(outcome: object): object {
  const { duplicate: _, ...rest } = outcome as { duplicate: boolean };
  return rest;
}

/** Names of writers are remembered for recent ticks of one life only. */
function withoutWriter(conflict: object): object {
  const { lastWriter: _, ...rest } = conflict as { lastWriter: unknown };
  return rest;
}
