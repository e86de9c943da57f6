import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import type { TickHeader } from '../../engine/tick/tick-batch.ts';
import { runs } from '../budget.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { contentOf, TestTitle } from './test-title.ts';

const windowMs = 1_000_000;
const kept = 12;

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  const bounds = { firstVerdictsMax: 12, firstVerdictsMs: 1_000_000, firstVerdictsForgottenMax: 3 };
  return { limits: { ...limits, ...bounds } };
});

/** A purchase: so much off the wallet of player 1, which must not go below zero. */
interface Purchase {
  readonly actionId: string;
  readonly price: number;
}

function effectsOf({ price }: Purchase): EffectInput[] {
  const key = { playerId: 1, resource: 'MASS' };
  const require = { balance: { gte: 0 } };
  return [
    { op: 'adjust', table: 'playerWallet', key, add: { balance: -price }, require },
    {
      op: 'append',
      table: 'resourceLedger',
      row: { playerId: 1, resource: 'MASS', amount: price },
    },
  ];
}

function submit(
  engine: Engine,
  purchases: readonly Purchase[],
  header: Partial<TickHeader> & { readonly tick: number },
) {
  const batch = buildTickBatch(engine.catalog, {
    header: { ...tickHeader(header.tick), once: true, ...header },
    actions: purchases.map((purchase) => ({
      actionId: purchase.actionId,
      row: { playerId: 1, kind: 'BUILD_MOBILE', unitIds: [] },
      effects: effectsOf(purchase),
    })),
    effects: [],
  });
  return engine.commit(testTicket, batch);
}

/** What each purchase came to, in words. */
function told({ actionIds, conflicts, repeats }: Awaited<ReturnType<typeof submit>>): string[] {
  return actionIds.map((_, i) => {
    const repeat = repeats.find(({ action }) => action === i);
    const verdict = conflicts.find(({ action }) => action === i)?.code ?? 'accepted';
    if (!repeat) return verdict;
    return `${repeat.sameContent ? (repeat.code ?? 'accepted') : 'mismatch'} at ${repeat.lsn}`;
  });
}

async function shop(title: TestTitle, options: Parameters<TestTitle['open']>[0] = {}) {
  const engine = await title.open(options);
  await engine.openSession(testTicket, 's', false);
  await engine.openSession(testTicket, 't', false);
  const insert = (sessionId: string) =>
    engine.commit(
      testTicket,
      buildTickBatch(engine.catalog, {
        header: { ...tickHeader(1), sessionId },
        actions: [],
        effects: [
          {
            op: 'insert',
            table: 'playerWallet',
            row: { playerId: 1, resource: 'MASS', balance: 100 },
          },
        ],
      }),
    );
  await insert('s');
  await insert('t');
  return engine;
}

const balance = (engine: Engine, sessionId = 's') =>
  engine.state.get(testTicket, 'playerWallet', { sessionId, playerId: 1, resource: 'MASS' })
    ?.balance;

describe('an action that is answered once', () => {
  it('happens once, whichever tick and session it comes in, and after a restart', async () => {
    const title = await TestTitle.create();
    let engine = await shop(title);
    const first = await submit(engine, [{ actionId: 'p1', price: 30 }], { tick: 2 });
    expect(told(first)).toEqual(['accepted']);
    const again = [
      { actionId: 'p2', price: 20 },
      { actionId: 'p1', price: 30 },
    ];
    const second = await submit(engine, again, { tick: 3 });
    expect(told(second)).toEqual(['accepted', `accepted at ${first.lsn}`]);
    expect(second).toMatchObject({ accepted: 1, rejected: 0, aborted: false });
    expect(balance(engine)).toBe(50);
    const other = await submit(engine, [{ actionId: 'p1', price: 30 }], {
      tick: 2,
      sessionId: 't',
    });
    expect(told(other)).toEqual([`accepted at ${first.lsn}`]);
    expect(balance(engine, 't')).toBe(100);
    await title.close(engine);
    for (const coveredLsn of [title.columns.coveredLsn, 0]) {
      title.columns.coveredLsn = coveredLsn;
      engine = await title.open();
      const { lastTick } = engine.session(testTicket, 's') ?? {};
      const third = await submit(engine, again, { tick: (lastTick ?? 0) + 1 });
      expect(told(third)).toEqual([`accepted at ${second.lsn}`, `accepted at ${first.lsn}`]);
      expect(balance(engine)).toBe(50);
      await title.close(engine);
    }
    expect(title.columns.differences).toEqual([]);
  });

  it('is answered its first conflict, though it would hold by now', async () => {
    const engine = await shop(await TestTitle.create());
    const first = await submit(engine, [{ actionId: 'p1', price: 130 }], { tick: 2 });
    expect(told(first)).toEqual(['GUARD_FAILED']);
    await submit(engine, [{ actionId: 'gift', price: -100 }], { tick: 3 });
    const again = await submit(engine, [{ actionId: 'p1', price: 130 }], { tick: 4 });
    expect(told(again)).toEqual([`GUARD_FAILED at ${first.lsn}`]);
    expect(balance(engine)).toBe(200);
  });

  it('is a mismatch under an id that was used for something else', async () => {
    const engine = await shop(await TestTitle.create());
    const first = await submit(engine, [{ actionId: 'p1', price: 30 }], { tick: 2 });
    const other = [
      { actionId: 'p1', price: 31 },
      { actionId: 'p2', price: 1 },
    ];
    const second = await submit(engine, other, { tick: 3 });
    expect(told(second)).toEqual([`mismatch at ${first.lsn}`, 'accepted']);
    expect(balance(engine)).toBe(69);
  });

  it('is answered again with its tick, word for word', async () => {
    const engine = await shop(await TestTitle.create());
    await submit(engine, [{ actionId: 'p1', price: 30 }], { tick: 2 });
    const tick = [
      { actionId: 'p1', price: 30 },
      { actionId: 'p2', price: 500 },
      { actionId: 'p3', price: 5 },
    ];
    const first = await submit(engine, tick, { tick: 3 });
    const again = await submit(engine, tick, { tick: 3 });
    expect(again.duplicate).toBe(true);
    expect(told(again)).toEqual(told(first));
    expect([again.accepted, again.rejected]).toEqual([1, 1]);
    expect(again.stateHash).toBe(first.stateHash);
  });

  it('is not looked for by ticks that do not say so', async () => {
    const engine = await shop(await TestTitle.create());
    const purchase = [{ actionId: 'p1', price: 10 }];
    await submit(engine, purchase, { tick: 2, once: false });
    expect(told(await submit(engine, purchase, { tick: 3 }))).toEqual(['accepted']);
    expect(told(await submit(engine, purchase, { tick: 4, once: false }))).toEqual(['accepted']);
    expect(balance(engine)).toBe(70);
  });

  it('is remembered while so many come after it, and forgotten with the next (firstVerdictsMax)', async () => {
    const engine = await shop(await TestTitle.create());
    const first = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 2 });
    const more = Array.from({ length: kept - 1 }, (_, i) => ({ actionId: `m${i}`, price: 0 }));
    await submit(engine, more, { tick: 3 });
    const edge = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 4 });
    expect(told(edge)).toEqual([`accepted at ${first.lsn}`]);
    await submit(engine, [{ actionId: 'one more', price: 0 }], { tick: 5 });
    const past = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 6 });
    expect(told(past)).toEqual(['accepted']);
    expect(balance(engine)).toBe(98);
  });

  it('is remembered for so long by the times of the log, and no longer (firstVerdictsMs)', async () => {
    let now = 5_000;
    const engine = await shop(await TestTitle.create(), { now: () => now });
    const first = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 2 });
    now += windowMs;
    const edge = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 3 });
    expect(told(edge)).toEqual([`accepted at ${first.lsn}`]);
    now += 1;
    const past = await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 4 });
    expect(told(past)).toEqual(['accepted']);
  });

  it('is forgotten for its age a few a tick, so that no tick forgets for long (firstVerdictsForgottenMax)', async () => {
    let now = 5_000;
    const engine = await shop(await TestTitle.create(), { now: () => now });
    const old = Array.from({ length: 5 }, (_, i) => ({ actionId: `p${i}`, price: 0 }));
    const { lsn } = await submit(engine, old, { tick: 2 });
    now += windowMs + 1;
    const tick = await submit(engine, old, { tick: 3 });
    const known = `accepted at ${lsn}`;
    expect(told(tick)).toEqual(['accepted', 'accepted', 'accepted', known, known]);
  });

  it.each([
    ['under ABORT_TICK', { onConflict: 'ABORT_TICK' as const }, []],
    ['with effects of the tick itself', {}, effectsOf({ actionId: '', price: 1 })],
  ])('is refused %s, and nothing is written', async (_, header, effects) => {
    const engine = await shop(await TestTitle.create());
    const { appliedLsn } = engine;
    const tick = () =>
      engine.commit(
        testTicket,
        buildTickBatch(engine.catalog, {
          header: { ...tickHeader(2), once: true, ...header },
          actions: [],
          effects,
        }),
      );
    await expect((async () => await tick())()).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(engine.appliedLsn).toBe(appliedLsn);
  });

  it('leaves the bytes it is remembered with in the memory that a title counts', async () => {
    const engine = await shop(await TestTitle.create());
    const before = engine.memory.answerBytes;
    await submit(engine, [{ actionId: 'p', price: 1 }], { tick: 2 });
    expect(engine.memory.answerBytes).toBeGreaterThan(before + 4096 * 29);
  });
});

const purchase = fc.record({
  actionId: fc.nat(25).map((n) => `p${n}`),
  price: fc.constantFrom(0, 1, 60, 200),
});
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      session: fc.constantFrom('s', 't'),
      purchases: fc.uniqueArray(purchase, { maxLength: 6, selector: ({ actionId }) => actionId }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom('from checkpoint', 'from log') },
);

/** The rules once more, by maps. */
class NaiveShop {
  readonly balances = new Map([
    ['s', 100],
    ['t', 100],
  ]);
  readonly #first = new Map<string, { price: number; verdict: string; lsn: number }>();

  take(session: string, purchases: readonly Purchase[], lsn: number): string[] {
    const answers = purchases.map(({ actionId, price }) => {
      const first = this.#first.get(actionId);
      if (first) return `${first.price === price ? first.verdict : 'mismatch'} at ${first.lsn}`;
      const left = (this.balances.get(session) ?? 0) - price;
      if (left >= 0) this.balances.set(session, left);
      return left >= 0 ? 'accepted' : 'GUARD_FAILED';
    });
    purchases.forEach(({ actionId, price }, i) => {
      if (this.#first.has(actionId)) return;
      this.#first.set(actionId, { price, verdict: answers[i] as string, lsn });
    });
    for (const id of this.#first.keys()) {
      if (this.#first.size <= kept) break;
      this.#first.delete(id);
    }
    return answers;
  }
}

describe('actions that are answered once', () => {
  it('come to the verdicts and rows of a naive model, over restarts from checkpoints and from the log', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 24 }), async (steps) => {
        const title = await TestTitle.create();
        let engine = await shop(title, { canary: true });
        const naive = new NaiveShop();
        let tick = 1;
        for (const step of steps) {
          if (typeof step === 'string') {
            const before = contentOf(engine, ['s', 't']);
            await title.close(engine);
            if (step === 'from log') title.columns.coveredLsn = 0;
            engine = await title.open({ canary: true });
            expect(contentOf(engine, ['s', 't'])).toEqual(before);
            continue;
          }
          const { session: sessionId, purchases } = step;
          const outcome = await submit(engine, purchases, { tick: ++tick, sessionId });
          expect(told(outcome)).toEqual(naive.take(sessionId, purchases, outcome.lsn));
          expect(balance(engine, sessionId)).toBe(naive.balances.get(sessionId));
        }
        expect(title.columns.differences).toEqual([]);
        await title.close(engine);
      }),
      { numRuns: runs(25) },
    );
  });
});
