import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { AnswerMemory } from '../../engine/state/answer-memory.ts';
import { type LedgerEntry, TickLedger } from '../../engine/state/tick-ledger.ts';
import { runs } from '../budget.ts';

const window = 100;

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits, idempotencyTicksMax: 100 } };
});

function entry(tick: number | null, lsn: number, conflicts: string | null = null): LedgerEntry {
  return {
    lsn,
    tick,
    digest: new Uint8Array(32).fill(lsn % 251),
    stateHash: new Uint8Array(32).fill((lsn * 7) % 251),
    accepted: lsn * 2,
    rejected: lsn * 3,
    conflicts: conflicts === null ? null : Buffer.from(conflicts),
  };
}

/** The positions of ticks, then those of keys, oldest first. */
function lsnsOf(ledger: TickLedger): number[] {
  const named = [...ledger.namedEntries()].map(([, { lsn }]) => lsn);
  return [...ledger.entriesBetween(0, 1_000, 1_000).map(({ lsn }) => lsn), ...named];
}

describe('the ledger of a session', () => {
  it('finds the newest ticks of the window by number, whatever gaps they have', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 450 });
    fc.assert(
      fc.property(gaps, (all) => {
        const ledger = new TickLedger();
        const entries: LedgerEntry[] = [];
        let tick = 0;
        for (const gap of all) {
          tick += gap;
          const one = entry(
            tick,
            entries.length + 1,
            tick % 3 === 0 ? `conflict of ${tick}` : null,
          );
          entries.push(one);
          ledger.add(null, one);
        }
        const kept = entries.slice(-window);
        expect(ledger.size).toBe(kept.length);
        for (const one of kept) expect(ledger.find(null, one.tick)).toEqual(one);
        for (const one of entries.slice(0, -window)) {
          expect(ledger.find(null, one.tick)).toBeNull();
        }
        for (let absent = 0; absent <= tick + 1; absent++) {
          if (kept.some((one) => one.tick === absent)) continue;
          expect(ledger.find(null, absent)).toBeNull();
        }
      }),
      { numRuns: runs(40) },
    );
  });

  it('finds keys of a client’s own, the newest of the window, ticks or not', () => {
    const ledger = new TickLedger();
    for (let i = 1; i <= window + 10; i++) {
      ledger.add(`key ${i}`, entry(i % 2 === 0 ? null : i, i));
    }
    expect(ledger.find('key 10', null)).toBeNull();
    expect(ledger.find('key 11', 999)).toEqual(entry(11, 11));
    expect(ledger.find('key 12', null)).toEqual(entry(null, 12));
    expect(ledger.find(null, 11)).toBeNull();
    expect(ledger.size).toBe(window);
  });

  it('forgets all but its newest ticks and keys, and never knows them again', () => {
    const ledger = new TickLedger();
    for (let lsn = 1; lsn <= 40; lsn++) {
      if (lsn % 4 === 0) ledger.add(`key ${lsn}`, entry(null, lsn));
      else ledger.add(null, entry(lsn, lsn, `conflict of ${lsn}`));
    }
    ledger.keepNewest(5);
    expect(lsnsOf(ledger)).toEqual([34, 35, 37, 38, 39, 24, 28, 32, 36, 40]);
    expect(ledger.find(null, 34)).toEqual(entry(34, 34, 'conflict of 34'));
    expect(ledger.find(null, 33)).toBeNull();
    expect(ledger.find('key 24', null)).toEqual(entry(null, 24));
    expect(ledger.find('key 20', null)).toBeNull();
    expect(ledger.forgotten).toEqual({ ticksLsn: 33, keysLsn: 20 });
    ledger.keepNewest(5);
    expect(lsnsOf(ledger)).toEqual([34, 35, 37, 38, 39, 24, 28, 32, 36, 40]);
    ledger.add(null, entry(41, 41));
    ledger.add('key 20', entry(null, 42));
    expect(ledger.find('key 20', null)).toEqual(entry(null, 42));
    expect(lsnsOf(ledger)).toEqual([34, 35, 37, 38, 39, 41, 24, 28, 32, 36, 40, 42]);
    const again = new TickLedger();
    again.resume(ledger.forgotten);
    again.restore(null, entry(33, 33));
    again.restore(null, entry(34, 34));
    again.restore('key 20', entry(null, 20));
    again.restore('key 20', entry(null, 42));
    expect(lsnsOf(again)).toEqual([34, 42]);
  });

  it('keeps in a frozen copy what it held, whatever it takes in and forgets later', () => {
    const ledger = new TickLedger();
    const add = (lsn: number) => {
      if (lsn % 3 === 0) ledger.add(`key ${lsn}`, entry(null, lsn));
      else ledger.add(null, entry(lsn, lsn, `conflict of ${lsn}`));
    };
    for (let lsn = 1; lsn <= 90; lsn++) add(lsn);
    const wanted = [...ledger.entriesBetween(0, 90, 1_000)];
    const frozen = ledger.frozen(0);
    for (let lsn = 91; lsn <= 400; lsn++) {
      add(lsn);
      if (lsn % 100 === 0) ledger.keepNewest(7);
    }
    expect(frozen.entriesBetween(0, 90, 1_000)).toEqual(wanted);
    const named = [...frozen.namedEntries()].filter(([, { lsn }]) => lsn <= 90);
    expect(named.map(([key]) => key)).toEqual(
      Array.from({ length: 30 }, (_, i) => `key ${3 * (i + 1)}`),
    );
    expect(frozen.forgotten).toEqual({ ticksLsn: 0, keysLsn: 0 });
  });

  it('counts the memory it takes, and gives it back with what it forgets', () => {
    const step = fc.record({
      named: fc.boolean(),
      conflicts: fc.constantFrom(null, 'one', 'a longer one'),
      keep: fc.constantFrom(null, null, null, null, null, 3, 20),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 300 }), (steps) => {
        const memory = new AnswerMemory();
        const other = new TickLedger(memory);
        other.add(null, entry(1, 1));
        const others = memory.bytes;
        const ledger = new TickLedger(memory);
        expect(memory.bytes).toBe(others);
        for (const [i, { named, conflicts, keep }] of steps.entries()) {
          ledger.add(named ? `key ${i}` : null, entry(i, i + 1, conflicts));
          if (keep !== null) ledger.keepNewest(keep);
          expect(memory.bytes).toBe(others + ledger.memoryBytes);
        }
        ledger.keepNewest(10);
        const fresh = new TickLedger();
        for (const one of ledger.entriesBetween(0, 1_000, 1_000)) fresh.add(null, one);
        for (const [key, one] of ledger.namedEntries()) fresh.add(key, one);
        fresh.keepNewest(10);
        expect(ledger.memoryBytes).toBe(fresh.memoryBytes);
      }),
    );
  });

  it('takes no memory before its first tick, and 88 bytes a tick once it is closed', () => {
    const ledger = new TickLedger();
    expect(ledger.memoryBytes).toBe(0);
    for (let tick = 1; tick <= 70; tick++) ledger.add(null, entry(tick, tick));
    ledger.keepNewest(33);
    expect(ledger.memoryBytes).toBe(33 * 88);
  });

  it('forgets a write outside tick order that has no key', () => {
    const ledger = new TickLedger();
    ledger.add(null, entry(null, 5));
    expect(ledger.size).toBe(0);
    expect(ledger.find(null, null)).toBeNull();
  });
});
