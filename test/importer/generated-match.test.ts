import { describe, expect, it } from 'vitest';
import {
  generatedMatch,
  generatedMatchDefaults,
} from '../../importer/generated/generated-match.ts';
import { ownerOf } from '../../importer/match.ts';
import { MatchCounts } from '../../importer/match-counts.ts';

/** The shape of the largest recording, as data/README.md tells it. */
const large = { units: 6_600, players: 8, ticks: 31_439, seed: 1 };

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.floor((sorted.length - 1) * q)] as number;
}

describe('a generated match', () => {
  it('is the same for the same options and another for another seed', () => {
    const text = (seed: number) =>
      JSON.stringify([...generatedMatch({ ...generatedMatchDefaults, ticks: 500, seed }).ticks()]);
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
  });

  it('names its session by its options', () => {
    const ids = [
      generatedMatch(large),
      generatedMatch({ ...large, seed: 2 }),
      generatedMatch({ ...large, ticks: 5 }),
      generatedMatch({ ...large, units: 50 }),
      generatedMatch({ ...large, players: 4 }),
    ].map((match) => match.sessionId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has ids, ticks and checksums as recordings have them', () => {
    const match = generatedMatch({ units: 400, players: 4, ticks: 1_000, seed: 3 });
    const ids = new Set<string>();
    let expectedTick = 1;
    const reports = new Map<number, Set<string>>();
    for (const tick of match.ticks()) {
      expect(tick.tick).toBe(expectedTick);
      expectedTick += 1;
      for (const action of tick.actions) ids.add(action.actionId);
      for (const { ofTick, checksum } of tick.snapshots) {
        expect(ofTick % 50).toBe(0);
        expect(ofTick).toBeLessThan(tick.tick);
        expect(checksum).toMatch(/^[0-9a-f]{32}$/);
        reports.set(ofTick, (reports.get(ofTick) ?? new Set()).add(checksum));
      }
    }
    const counts = new MatchCounts();
    for (const tick of match.ticks()) counts.add(tick);
    expect(ids.size).toBe(counts.actions);
    expect(counts.ticks).toBe(1_000);
    expect(counts.checksums).toBe(4 * 19);
    expect([...reports.values()].every((checksums) => checksums.size === 1)).toBe(true);
  });

  it('is as bursty as a real one of its size', () => {
    const counts = new MatchCounts();
    const perSecond: number[] = [];
    const sizes: number[] = [];
    let foreignOrders = 0;
    for (const tick of generatedMatch(large).ticks()) {
      counts.add(tick);
      const second = Math.floor((tick.tick - 1) / 10);
      perSecond[second] = (perSecond[second] ?? 0) + tick.actions.length;
      for (const action of tick.actions) {
        if (!action.commandsUnits) continue;
        sizes.push(action.unitIds.length);
        if (action.unitIds.some((unit) => ownerOf(unit) !== action.playerId)) foreignOrders += 1;
      }
    }
    perSecond.sort((a, b) => a - b);
    sizes.sort((a, b) => a - b);
    const toggles = counts.byKind.get('TOGGLE') ?? 0;

    expect(counts.distinctUnits).toBeGreaterThan(6_000);
    expect(counts.actions).toBeGreaterThan(40_000);
    expect(counts.unitReferences / counts.actions).toBeGreaterThan(5);
    expect(toggles / counts.actions).toBeGreaterThan(0.4);
    expect(toggles / counts.actions).toBeLessThan(0.6);
    expect(quantile(perSecond, 0.5)).toBeGreaterThanOrEqual(7);
    expect(quantile(perSecond, 0.5)).toBeLessThanOrEqual(12);
    expect(quantile(perSecond, 0.99)).toBeGreaterThan(100);
    expect(quantile(perSecond, 0.99)).toBeLessThan(250);
    expect(quantile(sizes, 0.5)).toBeLessThanOrEqual(3);
    expect(quantile(sizes, 0.99)).toBeGreaterThan(150);
    expect(foreignOrders).toBeGreaterThan(20);
    expect(foreignOrders).toBeLessThan(counts.orders / 50);
  });

  it('lets one order name over a thousand units where a player has them', () => {
    let most = 0;
    for (const tick of generatedMatch({
      units: 16_000,
      players: 8,
      ticks: 6_000,
      seed: 1,
    }).ticks()) {
      for (const action of tick.actions) most = Math.max(most, action.unitIds.length);
    }
    expect(most).toBeGreaterThan(1_000);
  });

  it('refuses options it cannot serve, naming them', () => {
    expect(() => generatedMatch({ ...large, players: 1 })).toThrow(
      'players must be a whole number',
    );
    expect(() => generatedMatch({ ...large, ticks: 0.5 })).toThrow('ticks must be a whole number');
    expect(() => generatedMatch({ ...large, units: 4 })).toThrow('at least as many units');
  });
});
