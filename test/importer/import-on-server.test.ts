import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Frame, Position } from '@tickloom/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AshfallClient, type MatchPulse } from '../../examples/ashfall/tickloom.ts';
import { countDifferences } from '../../importer/check-counts.ts';
import { generatedMatch } from '../../importer/generated/generated-match.ts';
import { Random } from '../../importer/generated/random.ts';
import { importMatch } from '../../importer/import-match.ts';
import type { Match, MatchTick } from '../../importer/match.ts';
import type { MatchCounts } from '../../importer/match-counts.ts';
import { recordedMatch } from '../../importer/recorded/recorded-match.ts';
import { sandboxToken } from '../../importer/sandbox-token.ts';
import { Sandbox } from '../serve/sandbox.ts';
import { NaiveAshfall, type NaiveRow } from './naive-ashfall.ts';

const recording = fileURLToPath(
  new URL('../../../shared/data/replays/TestCommands01.fafreplay', import.meta.url),
);

describe('an import into a real server', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.start();
  });
  afterAll(async () => {
    await sandbox.stop();
  });

  const clientOf = (role: string) =>
    new AshfallClient({ url: sandbox.url, token: sandboxToken(sandbox.url, role, 'test') });
  const importInto = (client: AshfallClient, match: Match) =>
    importMatch(client, match, { sessionId: match.sessionId, speed: null, inFlightMax: 16 });

  /** Waits for the column store to cover what was committed. */
  async function differences(match: Match, position: Position, counts: MatchCounts) {
    const reader = clientOf('liveops');
    reader.readAfter(position);
    return await countDifferences(reader, match.sessionId, counts);
  }

  it('gives the verdicts and leaves the rows of a naive model, where many orders are foreign', async () => {
    const match = unruly(generatedMatch({ units: 60, players: 4, ticks: 300, seed: 4 }));
    const client = clientOf('game-server');
    const real = await importInto(client, match);
    const naive = new NaiveAshfall();
    const expected = await importInto(
      new AshfallClient({ url: 'http://naive', token: 'any', fetch: naive.fetch }),
      match,
    );
    expect(real.report.rejected).toBeGreaterThan(30);
    expect(real.report.explanations).toEqual(expected.report.explanations);
    expect(real.report.unexplained).toBe(0);

    const rows = new Map<number, NaiveRow>();
    const owners = [0, 1, 2, 3];
    const where = { sessionId: { eq: match.sessionId }, ownerId: { in: owners } };
    for await (const row of client.unitState.rows({ where })) rows.set(row.unitId, row);
    const units = naive.sessions.get(match.sessionId)?.units ?? new Map<number, NaiveRow>();
    expect(rows.size).toBe(units.size);
    for (const [unitId, row] of units) expect(rows.get(unitId)).toMatchObject(row);
    expect(await differences(match, real.session.position, real.report.counts)).toEqual([]);
  });

  it('can be repeated: all duplicates, the same hash, the same counts', async () => {
    const match = generatedMatch({ units: 200, players: 3, ticks: 300, seed: 6 });
    const first = await importInto(clientOf('game-server'), match);
    await sandbox.restart();
    const again = await importInto(clientOf('game-server'), match);
    expect(again.report.duplicates).toBe(300);
    expect(again.session).toEqual(first.session);
    expect(await differences(match, again.session.position, first.report.counts)).toEqual([]);
  });

  it('is seen by subscribers over WebSocket and event stream as one snapshot and its deltas', async () => {
    const match = generatedMatch({ units: 200, players: 3, ticks: 200, seed: 7 });
    const token = sandboxToken(sandbox.url, 'liveops', 'test');
    const where = { sessionId: { eq: match.sessionId } };
    const ticks = [...match.ticks()];
    const total = ticks.reduce((sum, { actions }) => sum + actions.length, 0);
    const watchers = (['websocket', 'sse'] as const).map((subscriptions) => {
      const client = new AshfallClient({ url: sandbox.url, token, subscriptions });
      return new PulseWatcher(client.matchPulse.changes({ where }), total);
    });
    await Promise.all(watchers.map((watcher) => watcher.ready));
    await importInto(clientOf('game-server'), match);
    const final = (await clientOf('liveops').matchPulse.rows({ where })).rows[0];
    for (const watcher of watchers) {
      await watcher.done;
      expect(watcher.kinds[0]).toBe('SNAPSHOT');
      const deltas = watcher.kinds.slice(1).filter((kind) => kind !== 'HEARTBEAT');
      expect(deltas).toEqual(ticks.filter(({ actions }) => actions.length > 0).map(() => 'DELTA'));
      expect(watcher.row).toEqual(final);
    }
  });

  it.skipIf(!existsSync(recording))(
    'of a recording stores exactly what its table says',
    async () => {
      const match = recordedMatch(readFileSync(recording));
      const { report, session } = await importInto(clientOf('game-server'), match);
      expect(session.lastTick).toBe(9_337);
      expect([report.accepted, report.rejected, report.unexplained]).toEqual([13_439, 0, 0]);
      expect(await differences(match, session.position, report.counts)).toEqual([]);
    },
  );
});

/** Folds frames until the match has so many actions. */
class PulseWatcher {
  readonly kinds: string[] = [];
  row: MatchPulse | null = null;
  /** The snapshot is here. */
  readonly ready: Promise<void>;
  readonly done: Promise<void>;

  constructor(frames: AsyncIterable<Frame<MatchPulse, unknown>>, actions: number) {
    let subscribed: () => void = () => undefined;
    this.ready = new Promise((resolve) => {
      subscribed = resolve;
    });
    this.done = this.#watch(frames, actions, () => subscribed());
  }

  async #watch(
    frames: AsyncIterable<Frame<MatchPulse, unknown>>,
    actions: number,
    subscribed: () => void,
  ): Promise<void> {
    for await (const frame of frames) {
      this.kinds.push(frame.kind);
      this.row = frame.rows[0] ?? this.row;
      subscribed();
      if (this.row?.actions === actions) return;
    }
  }
}

/** A match with orders that reach for others' units, and that name a unit twice. */
function unruly(match: Match): Match {
  const wilder = (tick: MatchTick, random: Random): MatchTick => ({
    ...tick,
    actions: tick.actions.map((action) => {
      if (!action.commandsUnits) return action;
      const unitIds = [...action.unitIds];
      const other = (action.playerId + 1 + random.below(3)) % 4;
      const at = random.below(unitIds.length + 1);
      if (random.unit() < 0.4) unitIds.splice(at, 0, other * 2 ** 20 + random.below(15));
      if (random.unit() < 0.3) unitIds.push(unitIds[0] ?? 0);
      return { ...action, unitIds };
    }),
  });
  return {
    ...match,
    sessionId: `${match.sessionId}-unruly`,
    *ticks() {
      const random = new Random(1);
      for (const tick of match.ticks()) yield wilder(tick, random);
    },
  };
}
