import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { Catalog } from '../../engine/manifest/catalog.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { diffReplay } from '../../engine/recover/diff-replay.ts';
import { verifyReplay } from '../../engine/recover/verify-replay.ts';
import { buildTickBatch } from '../../engine/tick/batch-builder.ts';
import type { EffectInput, TickInput } from '../../engine/tick/row-input.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';

const catalog = new Catalog(ashfall);

function tickOf(sessionId: string, tick: number, health: number): TickInput {
  const effect: EffectInput = {
    op: 'upsert',
    table: 'unitState',
    key: { unitId: 7 },
    set: { ownerId: 1, health },
    require: null,
  };
  const row = { playerId: 1, kind: 'MOVE', unitIds: [7] };
  return {
    header: tickHeader(tick, { sessionId }),
    actions: [{ actionId: `${tick}`, row, effects: [effect] }],
    effects: [],
  };
}

describe('replaying a log', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-replay-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const open = () =>
    openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns: new FakeColumnStore(),
    });
  const replay = () => ({ directory: join(directory, 'log'), manifest: ashfall });

  async function play(healthOf: (session: string, tick: number) => number): Promise<string[]> {
    const engine = await open();
    for (const session of ['one', 'two']) {
      await engine.openSession(session, false);
      for (let tick = 1; tick <= 5; tick++) {
        await engine.commit(
          buildTickBatch(catalog, tickOf(session, tick, healthOf(session, tick))),
        );
      }
    }
    const hashes = ['one', 'two'].map((session) => engine.session(session)?.stateHash ?? '');
    await engine.close();
    return hashes;
  }

  it('comes to the hashes that were acknowledged, and says how many ticks the log vouches for', async () => {
    const [one, two] = await play((_, tick) => tick);
    expect(one).toBe(two);
    const report = await verifyReplay({ ...replay(), session: null });
    expect(report.divergence).toBeNull();
    expect(report.sessions).toMatchObject([
      { session: 'one', ticks: 5, lastTick: 5, stateHash: one },
      { session: 'two', ticks: 5, lastTick: 5, stateHash: two },
    ]);
    // Each tick but the last is followed by a record that has seen it applied.
    expect(report.witnessed).toBe(9);
  });

  it('finds two sessions with the same ticks equal, and names the first tick, action or row that differs', async () => {
    await play((session, tick) => (session === 'two' && tick >= 4 ? 99 : tick));
    expect(await diffReplay({ ...replay(), left: 'one', right: 'one' })).toBeNull();
    expect(await diffReplay({ ...replay(), left: 'one', right: 'two' })).toMatchObject({
      ticks: [4, 4],
      what: 'row',
      place: 'unitState (unitId 7)',
      left: { health: 4, version: 4 },
      right: { health: 99, version: 4 },
    });
  });

  it('refuses to serve a state other than the one the log witnesses, naming the tick', async () => {
    await play((_, tick) => tick);
    const log = await openFileLog({
      directory: join(directory, 'log'),
      durability: { mode: 'strict' },
    });
    const batch = buildTickBatch(catalog, tickOf('two', 6, 1));
    const seen = { lsn: log.durableLsn, hash: '00'.repeat(16) };
    const durable = new Promise<void>((resolve, reject) => {
      log.listen({ onDurable: () => resolve(), onRejected: reject, onFailure: reject });
    });
    log.append(encodeTick(batch).record(1, seen));
    await durable;
    await log.close();
    await rm(join(directory, 'checkpoints'), { recursive: true, force: true });
    await expect(open()).rejects.toThrow(/replaying tick 5 of session "two".*another state/s);
    const report = await verifyReplay({ ...replay(), session: 'two' });
    expect(report.divergence).toMatchObject({ session: 'two', tick: 5 });
  });
});
