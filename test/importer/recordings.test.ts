import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ownerOf } from '../../importer/match.ts';
import { MatchCounts } from '../../importer/match-counts.ts';
import { recordedMatch } from '../../importer/recorded/recorded-match.ts';

const replays = fileURLToPath(new URL('../../../shared/data/replays/', import.meta.url));

/** The table of data/README.md beside the recordings. */
const table = [
  { file: '23225104', players: 8, ticks: 31_439, rows: 51_017, references: 572_827, units: 6_606 },
  { file: '23225440', players: 6, ticks: 14_635, rows: 6_630, references: 24_183, units: 706 },
  { file: '23225508', players: 2, ticks: 22_062, rows: 2_032, references: 6_773, units: 355 },
  {
    file: 'TestCommands01',
    players: 12,
    ticks: 9_337,
    rows: 13_439,
    references: 35_016,
    units: 1_928,
  },
];

describe.skipIf(!existsSync(replays))('a real recording', () => {
  it.each(table)('$file holds what its table says', (expected) => {
    const match = recordedMatch(readFileSync(`${replays}${expected.file}.fafreplay`));
    const counts = new MatchCounts();
    let foreign = 0;
    for (const tick of match.ticks()) {
      counts.add(tick);
      for (const action of tick.actions) {
        foreign += action.unitIds.filter((unit) => ownerOf(unit) !== action.playerId).length;
      }
    }
    expect(match.players).toBe(expected.players);
    expect(match.tickCount).toBe(expected.ticks);
    expect(counts.ticks).toBe(expected.ticks);
    expect(counts.actions).toBe(expected.rows);
    expect(counts.unitReferences).toBe(expected.references);
    expect(counts.distinctUnits).toBe(expected.units);
    expect(counts.desyncs).toBe(0);
    // Every unit that is named belongs to the army whose source names it.
    expect(foreign).toBe(0);
  });
});
