import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';
import { Checkpointer } from '../../engine/recover/checkpointer.ts';
import { findCheckpoints, loadCheckpoint } from '../../engine/recover/load-checkpoint.ts';
import type { LedgerEntry } from '../../engine/state/tick-ledger.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import { encodeTick, type SessionRecordHeader } from '../../engine/tick/tick-record.ts';
import type { ViewsCapture } from '../../engine/views/checkpoint/view-checkpoint.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { seededRandom } from '../fault/seeded-random.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { columnsThatHaveAll } from './columns-that-have-all.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits, closedSessionAnswersMax: 5, idempotencyTicksMax: 30 } };
});

const catalog = new Catalog(ashfall);

/** Matches that are opened, played, closed and taken over, as a seed has it. */
class Matches {
  projection = new Projection(new TitleState(catalog));
  lsn = 0;
  readonly #below: (n: number) => number;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#below = (n) => Math.floor(random() * n);
  }

  play(records: number): void {
    for (let i = 0; i < records; i++) this.#record(`s${this.#below(100)}`);
  }

  close(session: string): void {
    this.#settle(session, 'close');
  }

  #record(sessionId: string): void {
    const session = this.projection.sessions.get(sessionId);
    const choice = this.#below(20);
    if (!session) this.#settle(sessionId, 'open');
    else if (choice === 0) this.#settle(sessionId, 'close');
    else if (!session.open && choice < 6) this.#settle(sessionId, 'takeOver');
    else for (let tick = 1 + this.#below(12); tick > 0; tick--) this.#tick(sessionId);
  }

  #tick(sessionId: string): void {
    const session = this.projection.sessions.get(sessionId);
    const { lastTick = null, fence = null } = session ?? {};
    const choice = this.#below(9);
    const key = { unitId: 1 };
    const missing = { op: 'delete', table: 'unitState', key, expectedVersion: null } as const;
    const batch = buildTickBatch(catalog, {
      header: tickHeader(choice === 0 ? null : (lastTick ?? 0) + 1, {
        sessionId,
        fence,
        idempotencyKey: choice < 4 ? `k${this.lsn - this.#below(3)}` : null,
        onConflict: 'ABORT_TICK',
      }),
      actions: [],
      // Aborted: there is no such unit.
      effects: choice === 8 ? [{ ...missing, require: null }] : [],
    });
    const { digest } = encodeTick(batch);
    this.projection.settle({ lsn: ++this.lsn as Lsn, committedAtMs: 1, digest, batch });
  }

  #settle(session: string, verb: SessionRecordHeader['verb']): void {
    const record = { type: 'session', at: 1, session, verb, fence: null } as const;
    this.projection.settleSession(++this.lsn as Lsn, record);
  }
}

function shown({ lsn, tick, digest, stateHash, accepted, rejected, conflicts }: LedgerEntry) {
  const bytes = [digest, stateHash, conflicts ?? []].map((part) =>
    Buffer.from(part).toString('hex'),
  );
  return [lsn, tick, accepted, rejected, ...bytes].join(' ');
}

function content({ sessions, answerMemory }: Projection) {
  let memoryBytes = 0;
  const all = [...sessions.values()].map(({ ledger, stateHash, ...session }) => {
    memoryBytes += ledger.memoryBytes;
    return {
      ...session,
      stateHash: Buffer.from(stateHash).toString('hex'),
      forgotten: ledger.forgotten,
      ticks: ledger.entriesBetween(0, Number.MAX_SAFE_INTEGER, 1e6).map(shown),
      named: [...ledger.namedEntries()].map(([key, entry]) => [key, shown(entry)]),
    };
  });
  expect(answerMemory.bytes).toBe(memoryBytes);
  return all;
}

const noViews: ViewsCapture = {
  lsn: asLsn(0),
  definitions: '',
  stamps: [],
  rowStamps: [],
  chunkRows: 1,
  parts: [],
};

describe('the sessions of a checkpoint', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-sessions-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function checkpointer(matches: Matches): Checkpointer {
    return new Checkpointer(
      {
        storage: nodeStorage,
        directory,
        projection: matches.projection,
        views: { checkpoint: () => noViews },
        columns: columnsThatHaveAll,
        log: { syncTo: async () => {} },
        incremental: true,
      },
      [],
    );
  }

  async function load() {
    const source = { storage: nodeStorage, directory };
    const upToLsn = Number.MAX_SAFE_INTEGER as Lsn;
    for await (const found of findCheckpoints(source, upToLsn, () => {})) {
      const projection = new Projection(new TitleState(catalog));
      await loadCheckpoint(projection, found);
      return { projection, manifest: found.manifest };
    }
    throw new Error('there is no checkpoint');
  }

  it('are as of its position, with all their answers and none they forgot, whatever is played meanwhile', async () => {
    const matches = new Matches(3);
    const taker = checkpointer(matches);
    // More than the files of answers that are kept before they are written anew.
    for (let checkpoint = 0; checkpoint < 36; checkpoint++) {
      matches.play(60);
      const wanted = content(matches.projection);
      const taking = taker.checkpoint(matches.lsn as Lsn);
      const meanwhile = setInterval(() => matches.play(5), 0);
      // At once: before any of them is read.
      for (let i = 0; i < 100; i += 3) matches.close(`s${i}`);
      matches.play(20);
      await taking;
      clearInterval(meanwhile);
      const { projection } = await load();
      expect(content(projection)).toEqual(wanted);
    }
    expect(matches.projection.capture).toBeNull();
  });

  it('go on as they do where they were never loaded', async () => {
    const matches = new Matches(5);
    matches.play(1_000);
    await checkpointer(matches).checkpoint(matches.lsn as Lsn);
    const twin = new Matches(5);
    twin.play(1_000);
    twin.projection = (await load()).projection;
    matches.play(1_000);
    twin.play(1_000);
    expect(content(twin.projection)).toEqual(content(matches.projection));
  });

  it('are not read without the file of what they have forgotten', async () => {
    const matches = new Matches(5);
    matches.play(1_000);
    await checkpointer(matches).checkpoint(matches.lsn as Lsn);
    await rm(join(directory, `forgotten-${matches.lsn}.arrow`));
    await expect(load()).rejects.toThrow('there is no checkpoint');
  });
});
