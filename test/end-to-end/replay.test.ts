import { describe, expect, test } from 'vitest';
import { fiveTicks, healthTick, PlayedLog } from '../recover/played-log.ts';
import { type Finished, runCli } from './cli-process.ts';

/** Two sessions of five ticks; those of "two" from tick 4 on leave another health. */
async function played(): Promise<{ readonly log: PlayedLog; readonly hashes: string[] }> {
  const log = await PlayedLog.create();
  const hashes = await log.play({
    one: fiveTicks('one'),
    same: fiveTicks('same'),
    two: fiveTicks('two', (tick) => (tick >= 4 ? 99 : tick)),
  });
  return { log, hashes };
}

function replay(log: PlayedLog, ...args: string[]): Promise<Finished> {
  return runCli(['replay', ...args, '--data-dir', log.dataDirectory]);
}

/** The tick of position 12 is the fifth of "same"; a record claims that it came to another hash. */
async function withPlantedHash(): Promise<{ log: PlayedLog; replayed: string }> {
  const { log, hashes } = await played();
  const seen = { lsn: 12, hash: '00'.repeat(16) };
  await log.append([{ input: healthTick('two', 6, 1), seen }]);
  return { log, replayed: (hashes[1] ?? '').slice(0, 32) };
}

describe('tickloom replay verify', () => {
  test('lists every session with its hash, and exits 0 where every one is the same', async () => {
    const { log, hashes } = await played();
    const [one, same, two] = hashes;
    const { code, out } = await replay(log, 'verify');
    expect(out.split('\n')).toEqual([
      `one  5 ticks, last 5, state hash ${one}`,
      `same  5 ticks, last 5, state hash ${same}`,
      `two  5 ticks, last 5, state hash ${two}`,
      '18 records replayed, 14 ticks witnessed by a later record',
      'every one is the same',
      '',
    ]);
    expect(code).toBe(0);
    const listed = await replay(log, 'verify', '--session', 'two', '--json');
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.out)).toEqual({
      sessions: [{ session: 'two', ticks: 5, lastTick: 5, stateHash: two }],
      fromLsn: 1,
      records: 18,
      witnessed: 14,
      divergence: null,
    });
  });

  test('names the tick whose recorded hash is another, and exits 1', async () => {
    const { log, replayed } = await withPlantedHash();
    const recorded = '00'.repeat(16);
    const { code, out } = await replay(log, 'verify');
    expect(out).toContain(
      `DIFFERS at tick 5 of same (position 0:12): the log says ${recorded}…, the replay ${replayed}…\n`,
    );
    expect(code).toBe(1);
    const json = await replay(log, 'verify', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      divergence: { lsn: 12, session: 'same', tick: 5, recorded, replayed },
    });
  });

  test('exits 1 for a session, and 2 for a title, that is not there', async () => {
    const { log } = await played();
    const session = await replay(log, 'verify', '--session', 'three');
    expect(session).toMatchObject({
      code: 1,
      err: expect.stringContaining('the log has no session "three"'),
    });
    const title = await replay(log, 'verify', '--title', 'chess');
    expect(title).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no title "chess"'),
    });
  });
});

describe('tickloom replay diff', () => {
  test('says that sessions are the same, and exits 0', async () => {
    const { log } = await played();
    expect(await replay(log, 'diff', 'one', 'same')).toMatchObject({
      code: 0,
      out: 'the sessions are the same, tick by tick\n',
    });
    expect(await replay(log, 'diff', 'one', 'same', '--json')).toMatchObject({
      code: 0,
      out: 'null\n',
    });
  });

  test('names the first tick, action and row that differ, with both rows, and exits 1', async () => {
    const { log } = await played();
    const { code, out } = await replay(log, 'diff', 'one', 'two');
    const [first, left, right, end] = out.split('\n');
    expect(first).toBe(
      'the first difference is at tick 4 and 4: row, unitState (unitId 7), by action 0 (4)',
    );
    expect(left).toMatch(/^ {2}one {2}\{"unitId":7,.*"health":4,.*"version":4,"deleted":false\}$/);
    expect(right).toMatch(
      /^ {2}two {2}\{"unitId":7,.*"health":99,.*"version":4,"deleted":false\}$/,
    );
    expect([end, code]).toEqual(['', 1]);
    const json = await replay(log, 'diff', 'one', 'two', '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      ticks: [4, 4],
      what: 'row',
      action: { index: 0, actionId: '4' },
      place: 'unitState (unitId 7)',
      left: { health: 4 },
      right: { health: 99 },
    });
  });

  test('compares nothing of a log whose replay is another run, and exits 1', async () => {
    const { log } = await withPlantedHash();
    const { code, out, err } = await replay(log, 'diff', 'one', 'two');
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('replaying tick 5 of session "same" (position 0:12)');
  });

  test('exits 1 for a session that is not there, and 2 without two of them', async () => {
    const { log } = await played();
    expect(await replay(log, 'diff', 'one', 'three')).toMatchObject({
      code: 1,
      err: expect.stringContaining('the log has no session "three"'),
    });
    expect((await replay(log, 'diff', 'one')).code).toBe(2);
  });
});
