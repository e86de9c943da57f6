import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { encodeTick, type Witness } from '../../engine/tick/tick-record.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

const catalog = new Catalog(ashfall);

/** The log of sessions that were played, to be replayed; lasts for one test. */
export class PlayedLog {
  readonly dataDirectory: string;
  /** The title's. */
  readonly directory: string;

  private constructor(dataDirectory: string) {
    this.dataDirectory = dataDirectory;
    this.directory = join(dataDirectory, 'titles', ashfall.title);
  }

  static async create(): Promise<PlayedLog> {
    const directory = await mkdtemp(join(tmpdir(), 'tickloom-replay-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return new PlayedLog(directory);
  }

  /** What a replay is told. */
  get replay() {
    return { directory: join(this.directory, 'log'), manifest: ashfall };
  }

  open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    return openEngine({
      manifest: ashfall,
      directory: this.directory,
      durability: { mode: 'strict' },
      columns: new FakeColumnStore(),
      ...options,
    });
  }

  /** Opens sessions, commits their ticks one after the other, and closes. Tells each state hash. */
  async play(sessions: Readonly<Record<string, readonly TickInput[]>>): Promise<string[]> {
    const engine = await this.open();
    for (const [session, ticks] of Object.entries(sessions)) {
      await engine.openSession(testTicket, session, false);
      for (const input of ticks) await engine.commit(testTicket, buildTickBatch(catalog, input));
    }
    const hashes = Object.keys(sessions).map(
      (name) => engine.session(testTicket, name)?.stateHash ?? '',
    );
    await engine.close();
    return hashes;
  }

  /** Writes ticks to the log behind the engine's back, each with what it claims to have seen. */
  async append(
    ticks: readonly { readonly input: TickInput; readonly seen: Witness | null }[],
  ): Promise<void> {
    const log = await openFileLog({
      directory: join(this.directory, 'log'),
      durability: { mode: 'strict' },
    });
    const upToLsn = log.durableLsn + ticks.length;
    const durable = new Promise<void>((resolve, reject) => {
      const onDurable = () => log.durableLsn >= upToLsn && resolve();
      log.listen({ onDurable, onRejected: reject, onFailure: reject });
    });
    for (const { input, seen } of ticks) {
      log.append(encodeTick(buildTickBatch(catalog, input)).record(1, seen));
    }
    await durable;
    await log.close();
    await rm(join(this.directory, 'checkpoints'), { recursive: true, force: true });
  }
}

/** A tick of one action with these effects. */
export function actionTick(
  sessionId: string,
  tick: number,
  effects: readonly EffectInput[],
  unitIds: readonly number[] = [7],
): TickInput {
  return {
    header: tickHeader(tick, { sessionId }),
    actions: [{ actionId: `${tick}`, row: { playerId: 1, kind: 'MOVE', unitIds }, effects }],
    effects: [],
  };
}

export function upsertUnit(set: Readonly<Record<string, string | number>>): EffectInput {
  return { op: 'upsert', table: 'unitState', key: { unitId: 7 }, set, require: null };
}

/** A move of unit 7, which leaves it with this health. */
export function healthTick(sessionId: string, tick: number, health: number): TickInput {
  return actionTick(sessionId, tick, [upsertUnit({ ownerId: 1, health })]);
}

/** Five ticks of `healthTick`. */
export function fiveTicks(sessionId: string, healthOf = (tick: number) => tick): TickInput[] {
  return [1, 2, 3, 4, 5].map((tick) => healthTick(sessionId, tick, healthOf(tick)));
}
