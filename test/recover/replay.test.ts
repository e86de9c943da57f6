import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import type { TornTail } from '../../engine/log/torn-tail.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { diffReplay } from '../../engine/recover/diff-replay.ts';
import { DivergenceError, ReplayWitness, witnessOf } from '../../engine/recover/replay-witness.ts';
import { verifyReplay } from '../../engine/recover/verify-replay.ts';
import type { Witness } from '../../engine/tick/tick-record.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { fiveTicks, healthTick, PlayedLog } from './played-log.ts';

describe('replaying a log', () => {
  let log: PlayedLog;
  beforeEach(async () => {
    log = await PlayedLog.create();
  });

  /** Two sessions with the same five ticks. */
  const playTwo = () => log.play({ one: fiveTicks('one'), two: fiveTicks('two') });

  it('comes to the hashes that were acknowledged, and says how many ticks the log vouches for', async () => {
    const [one, two] = await playTwo();
    expect(one).toBe(two);
    const report = await verifyReplay({ ...log.replay, session: null });
    expect(report.divergence).toBeNull();
    expect(report.sessions).toMatchObject([
      { session: 'one', ticks: 5, lastTick: 5, stateHash: one },
      { session: 'two', ticks: 5, lastTick: 5, stateHash: two },
    ]);
    // Each tick but the last is followed by a record that has seen it applied.
    expect(report.witnessed).toBe(9);
  });

  it('changes no byte of the log, and tells of the rest of a write that a crash cut short', async () => {
    await playTwo();
    await log.append([{ input: healthTick('two', 6, 1), seen: null }]);
    const { directory } = log.replay;
    const [name] = (await readdir(directory)).filter((file) => file.endsWith('.log'));
    const path = join(directory, name as string);
    const bytes = await readFile(path);
    // The seal of the last close, the record before it, and half of that once more.
    const torn = Buffer.concat([bytes, bytes.subarray(64, 200)]);
    torn.fill(0xab, bytes.length - 64);
    await writeFile(path, torn);
    const told: TornTail[] = [];
    const options = { ...log.replay, onTorn: (torn: TornTail) => told.push(torn) };
    const report = await verifyReplay({ ...options, session: null });
    expect(report.divergence).toBeNull();
    await diffReplay({ ...options, left: 'one', right: 'two' });
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({ segment: name });
    expect(told[0]?.bytes).toBeGreaterThan(0);
    expect(await readFile(path)).toEqual(torn);
    expect((await readdir(directory)).filter((file) => file !== 'lock.sock')).toEqual([name]);
    let cut: TornTail | null = null;
    const engine = await log.open({ onRecovery: ({ torn }) => (cut = torn) });
    await engine.close();
    expect(cut).toEqual(told[0]);
  });

  const hash = '00'.repeat(16);
  /** Two sessions are opened, and have five ticks each. */
  const lastLsn = 12;

  it('refuses to serve a state other than the one the log witnesses, naming the tick', async () => {
    await playTwo();
    await log.append([{ input: healthTick('two', 6, 1), seen: { lsn: lastLsn, hash } }]);
    await expect(log.open()).rejects.toThrow(/replaying tick 5 of session "two".*another state/s);
    const report = await verifyReplay({ ...log.replay, session: 'two' });
    expect(report.divergence).toMatchObject({ session: 'two', tick: 5 });
    const diff = diffReplay({ ...log.replay, left: 'one', right: 'two' });
    await expect(diff).rejects.toThrow(/replaying tick 5 of session "two"/);
  });

  const conflicting: EffectInput = {
    op: 'insert',
    table: 'unitState',
    row: { unitId: 7, ownerId: 1 },
  };
  const unapplied: readonly (readonly [string, TickInput])[] = [
    ['refuses', { ...healthTick('two', 5, 8), effects: [] }],
    [
      'aborts',
      {
        header: tickHeader(6, { sessionId: 'two', onConflict: 'ABORT_TICK' }),
        actions: [],
        effects: [conflicting],
      },
    ],
  ];
  for (const [verb, input] of unapplied) {
    it(`names a witnessed tick that the replay ${verb}`, async () => {
      await playTwo();
      const { tick } = input.header;
      await log.append([
        { input, seen: null },
        { input: healthTick('two', 7, 1), seen: { lsn: lastLsn + 1, hash } },
      ]);
      await expect(log.open()).rejects.toThrow(
        new RegExp(`replaying tick ${tick} of session "two".*does not apply it`, 's'),
      );
      const report = await verifyReplay({ ...log.replay, session: 'two' });
      const divergence = { lsn: lastLsn + 1, session: 'two', tick, recorded: hash, replayed: null };
      expect(report.divergence).toEqual(divergence);
    });
  }

  it('names the position of a witnessed record that is no tick', async () => {
    await playTwo();
    // The first record opens a session.
    await log.append([{ input: healthTick('two', 6, 1), seen: { lsn: 1, hash } }]);
    const report = await verifyReplay({ ...log.replay, session: null });
    expect(report.divergence).toMatchObject({ lsn: 1, session: null, replayed: null });
    await expect(log.open()).rejects.toThrow(/replaying position 0:1 does not apply it/);
  });

  it('does not take another failure for a divergence', async () => {
    await playTwo();
    const tables = ashfall.tables.filter(({ name }) => name !== 'unitState');
    const manifest = { ...ashfall, tables, views: [] };
    const failed = verifyReplay({ ...log.replay, manifest, session: null });
    await expect(failed).rejects.not.toBeInstanceOf(DivergenceError);
  });
});

describe('the witness of a replay', () => {
  const zeros = new Uint8Array(32);
  const seenAt = (lsn: number): Witness => witnessOf(lsn, zeros);

  it('knows nothing of ticks before its checkpoint, and everything after it', () => {
    const witness = new ReplayWitness(asLsn(10));
    witness.remember(11, zeros, 's', 1);
    witness.remember(12, null, 's', 2);
    expect([10, 11].map((lsn) => witness.check(seenAt(lsn)))).toEqual([null, null]);
    expect(witness.check(seenAt(12))).toMatchObject({ tick: 2, replayed: null });
    expect(witness.check(seenAt(13))).toMatchObject({ session: null, replayed: null });
  });

  it('takes a tick that it had to forget for one it does not know', () => {
    const witness = new ReplayWitness(asLsn(0));
    for (let lsn = 1; lsn <= limits.replayLinksMax + 2; lsn++) {
      witness.remember(lsn, zeros, 's', lsn);
    }
    const other = { hash: 'another' };
    expect(witness.check({ lsn: 2, ...other })).toBeNull();
    expect(witness.check({ lsn: 3, ...other })).toMatchObject({ tick: 3 });
  });
});
