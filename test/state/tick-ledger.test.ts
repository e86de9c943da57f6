import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type LedgerEntry, TickLedger } from '../../engine/state/tick-ledger.ts';

const window = 100;

vi.mock('../../engine/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/limits.ts')>();
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
      { numRuns: 40 },
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

  it('forgets a write outside tick order that has no key', () => {
    const ledger = new TickLedger();
    ledger.add(null, entry(null, 5));
    expect(ledger.size).toBe(0);
    expect(ledger.find(null, null)).toBeNull();
  });
});
