import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedMatch } from '../../importer/recorded/recorded-match.ts';
import { ReplayError } from '../../importer/recorded/replay-error.ts';
import { runs } from '../budget.ts';
import {
  advance,
  callback,
  checksum,
  command,
  fafReplay,
  infoPair,
  olderFafReplay,
  order,
  scfaReplay,
  setSource,
  target,
  twoPlayers,
  u32,
} from './replay-writer.ts';

const replay = scfaReplay(twoPlayers, [
  setSource(0),
  order({ units: [1, 2, 3], type: 2, target: { x: 1, height: 2, y: 3 }, formation: 0 }),
  infoPair(1, 'SetPaused', 'true'),
  callback('Rebuild', { entity: '5', Clear: true, list: [1, 2, { deep: null }] }, [1, 2]),
  advance(),
  setSource(1),
  checksum(1, 'ab'.repeat(16)),
  command(16, u32(1), target({ entity: 5 })),
  command(19, u32(1), u32(5)),
  advance(2),
]);

/** Reads it whole; anything but ticks or a `ReplayError` fails the test. */
function readOrRefuse(file: Uint8Array): 'read' | 'refused' {
  try {
    for (const tick of recordedMatch(file).ticks()) expect(tick.tick).toBeGreaterThan(0);
    return 'read';
  } catch (error) {
    if (error instanceof ReplayError) return 'refused';
    throw error;
  }
}

const containers = { replay, zstd: fafReplay(replay), zlib: olderFafReplay(replay) };

describe.each(Object.entries(containers))('a damaged %s', (_, file) => {
  it('cut at any byte is read or refused', () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < file.length; length++) {
      outcomes.add(readOrRefuse(file.subarray(0, length)));
    }
    expect(outcomes).toContain('refused');
  });

  it('with any byte changed to anything telling is read or refused', () => {
    const outcomes = new Set<string>();
    for (let at = 0; at < file.length; at++) {
      const byte = file[at] as number;
      for (const changed of [0, 1, 4, 5, 0x7f, 0xff, byte ^ 1, byte ^ 0x80]) {
        const damaged = Uint8Array.from(file);
        damaged[at] = changed;
        outcomes.add(readOrRefuse(damaged));
      }
    }
    expect(outcomes).toEqual(new Set(['read', 'refused']));
  });

  it('with pieces cut out, doubled and overwritten is read or refused', () => {
    const at = fc.nat(file.length - 1);
    fc.assert(
      fc.property(at, at, at, fc.uint8Array({ maxLength: 40 }), (a, b, c, noise) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        readOrRefuse(Buffer.concat([file.subarray(0, from), noise, file.subarray(to)]));
        readOrRefuse(Buffer.concat([file.subarray(0, to), file.subarray(from)]));
        const damaged = Buffer.from(file);
        damaged.set(noise.subarray(0, file.length - c), c);
        readOrRefuse(damaged);
      }),
      { numRuns: runs(400) },
    );
  });
});
