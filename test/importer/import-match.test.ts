import { describe, expect, it } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { generatedMatch } from '../../importer/generated/generated-match.ts';
import { type ImportOptions, importMatch } from '../../importer/import-match.ts';
import { type Match, ownerOf } from '../../importer/match.ts';
import { recordedMatch } from '../../importer/recorded/recorded-match.ts';
import { summarise, summaryText } from '../../importer/summary.ts';
import { NaiveAshfall, type NaiveSession } from './naive-ashfall.ts';
import { advance, checksum, order, scfaReplay, setSource, twoPlayers } from './replay-writer.ts';

const small = generatedMatch({ units: 300, players: 3, ticks: 400, seed: 5 });

async function importInto(server: NaiveAshfall, match: Match, options?: Partial<ImportOptions>) {
  const client = new AshfallClient({
    url: 'http://naive',
    token: 'any',
    fetch: server.fetch,
    retry: { baseMs: 1, maxMs: 2 },
  });
  const defaults = { sessionId: match.sessionId, speed: null, inFlightMax: 1 };
  return await importMatch(client, match, { ...defaults, ...options });
}

function sessionOf(server: NaiveAshfall, match: Match): NaiveSession {
  const session = server.sessions.get(match.sessionId);
  if (!session) throw new RangeError('the session was not opened');
  return session;
}

describe('an import', () => {
  it('commits every tick with every action, checksum and, at the end, metric', async () => {
    const server = new NaiveAshfall();
    const { report, complete, session } = await importInto(server, small);
    const stored = sessionOf(server, small);
    expect(complete).toBe(true);
    expect(session.lastTick).toBe(400);
    expect(stored.ticks.size).toBe(400);
    expect(stored.actions).toHaveLength(report.counts.actions);
    const tables = (name: string) => stored.events.filter(({ table }) => table === name);
    expect(tables('stateSnapshot')).toHaveLength(report.counts.checksums);
    expect(tables('stateSnapshot')[0]?.row).toEqual({
      source: expect.stringMatching(/^player-\d$/),
      checksum: expect.stringMatching(/^[0-9a-f]{32}$/),
      data: { tick: 50 },
    });
    expect(tables('matchMetrics').map(({ tick }) => tick)).toEqual(Array(10).fill(400));
    expect(tables('matchMetrics').find(({ row }) => row.name === 'actions')?.row.value).toBe(
      report.counts.actions,
    );
  });

  it('leaves each unit with its owner and with the last order that was accepted', async () => {
    const server = new NaiveAshfall();
    await importInto(server, small);
    const expected = new Map<number, object>();
    for (const tick of small.ticks()) {
      for (const { unitIds, playerId, commandsUnits, kind, targetUnitId, x, y } of tick.actions) {
        if (!commandsUnits || unitIds.some((unit) => ownerOf(unit) !== playerId)) continue;
        for (const unit of unitIds) {
          const blueprint = small.blueprintOf(unit);
          expected.set(unit, { ownerId: playerId, blueprint, orderKind: kind, targetUnitId, x, y });
        }
      }
    }
    expect(sessionOf(server, small).units).toEqual(expected);
  });

  it('explains every rejection by the army of a unit', async () => {
    const long = generatedMatch({ units: 300, players: 3, ticks: 4_000, seed: 5 });
    const { report } = await importInto(new NaiveAshfall(), long);
    expect(report.rejected).toBeGreaterThan(3);
    expect(report.unexplained).toBe(0);
    expect(report.rejectedByCode).toEqual(new Map([['GUARD_FAILED', report.rejected]]));
    for (const line of report.explanations) {
      expect(line).toMatch(/^player-\d's [A-Z_]+ \d+-\d+ names unit \d+ of army \d/);
    }
  });

  it('lets nobody take a unit by being the first to order it', async () => {
    const theirs = 2 ** 20 + 7;
    const match = recordedMatch(
      scfaReplay(twoPlayers, [
        setSource(0),
        order({ units: [1, theirs], type: 2 }),
        advance(),
        setSource(1),
        order({ units: [theirs], type: 1 }),
        setSource(0),
        order({ units: [theirs], type: 2 }),
        advance(),
      ]),
    );
    const server = new NaiveAshfall();
    const { report } = await importInto(server, match);
    expect([report.accepted, report.rejected, report.unexplained]).toEqual([1, 2, 0]);
    expect([...sessionOf(server, match).units.keys()]).toEqual([theirs]);
    expect(report.explanations[0]).toBe(
      `player-0's MOVE 1-0 names unit ${theirs} of army 1 beside 1 more`,
    );
  });

  it('of the same match again sends the same ticks, and the server knows them all', async () => {
    const server = new NaiveAshfall();
    const first = await importInto(server, small);
    const again = await importInto(server, small);
    expect(again.report.duplicates).toBe(400);
    expect(first.report.duplicates).toBe(0);
    expect(again.report.rejected).toBe(first.report.rejected);
    expect(again.session.stateHash).toBe(first.session.stateHash);
  });

  it('survives answers that are lost', async () => {
    const server = new NaiveAshfall();
    server.loseAnswers = 3;
    const { report } = await importInto(server, small);
    expect(report.counts.ticks).toBe(400);
    // The answer of one tick was lost three times.
    expect(report.duplicates).toBe(1);
    expect(server.commits).toBe(403);
  });

  it('that is interrupted stops after the ticks on the way and goes on when it is repeated', async () => {
    const server = new NaiveAshfall();
    const stop = new AbortController();
    const stopped = await importInto(server, small, {
      signal: stop.signal,
      onTick: ({ counts }) => {
        if (counts.ticks === 100) stop.abort();
      },
    });
    expect(stopped.complete).toBe(false);
    expect(stopped.report.counts.ticks).toBeGreaterThanOrEqual(100);
    expect(stopped.report.counts.ticks).toBeLessThan(110);
    const resumed = await importInto(server, small);
    expect(resumed.complete).toBe(true);
    expect(resumed.report.duplicates).toBe(stopped.report.counts.ticks);
    expect(sessionOf(server, small).ticks.size).toBe(400);
  });

  it('keeps to its speed', async () => {
    const short = generatedMatch({ units: 20, players: 2, ticks: 31, seed: 1 });
    const { elapsedMs } = await importInto(new NaiveAshfall(), short, { speed: 20 });
    // 30 steps of 5 ms; the upper bound is for a busy machine.
    expect(elapsedMs).toBeGreaterThan(140);
    expect(elapsedMs).toBeLessThan(3_000);
  });

  it('sums itself up for people and machines alike', async () => {
    const match = recordedMatch(
      scfaReplay(twoPlayers, [
        setSource(0),
        order({ units: [1, 2 ** 20], type: 2 }),
        order({ units: [1], type: 2 }),
        checksum(1, 'aa'.repeat(16)),
        setSource(1),
        checksum(1, 'bb'.repeat(16)),
        advance(),
      ]),
    );
    const summary = summarise(match, await importInto(new NaiveAshfall(), match));
    expect(summary).toMatchObject({
      complete: true,
      ticks: 1,
      actions: 2,
      accepted: 1,
      rejected: 1,
      rejectedByCode: { GUARD_FAILED: 1 },
      unexplained: 0,
      unitReferences: 3,
      checksums: 2,
      desyncs: 1,
      byKind: { MOVE: 2 },
      stateHash: 'hash-1',
    });
    const text = summaryText(summary);
    expect(text).toContain('rejected    1, 1 GUARD_FAILED');
    expect(text).toContain('state hash  hash-1');
  });
});
