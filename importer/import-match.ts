import { setTimeout as sleep } from 'node:timers/promises';
import type { Session, SessionInfo } from '@tickloom/sdk';
import type { AshfallClient, AshfallTick } from '../examples/ashfall/tickloom.ts';
import { TickWriter } from './build-tick.ts';
import { ImportReport } from './import-report.ts';
import type { Match } from './match.ts';

/** A tick of play lasts so long. */
const tickMs = 100;

export interface ImportOptions {
  readonly sessionId: string;
  /** Times real time; null: as fast as it goes. */
  readonly speed: number | null;
  /** Ticks on the way at a time. */
  readonly inFlightMax: number;
  /** Stops after the ticks on the way; what is committed stays. */
  readonly signal?: AbortSignal;
  /** Told after every tick. */
  readonly onTick?: (report: ImportReport) => void;
}

export interface ImportResult {
  readonly report: ImportReport;
  readonly session: SessionInfo;
  /** Whether the match ended, or the signal ended the import. */
  readonly complete: boolean;
  readonly elapsedMs: number;
}

/**
 * Commits a match tick by tick, empty ticks too: they are its heartbeat.
 *
 * The session stays open at the end. An import of the same match again then sends the same ticks,
 * and the server answers each as the duplicate it is; a closed session would refuse them.
 *
 * Throws what the SDK throws; every tick acknowledged before is committed and in the report, which
 * `onTick` has seen.
 */
export async function importMatch(
  client: AshfallClient,
  match: Match,
  options: ImportOptions,
): Promise<ImportResult> {
  const session = await client.openSession(options.sessionId);
  const report = new ImportReport();
  const started = performance.now();
  const complete = await commitTicks(session, match, options, report);
  const elapsedMs = performance.now() - started;
  return { report, session: await session.info(), complete, elapsedMs };
}

async function commitTicks(
  session: Session<AshfallTick>,
  match: Match,
  options: ImportOptions,
  report: ImportReport,
): Promise<boolean> {
  const { signal, onTick } = options;
  const pipeline = session.pipeline({ inFlightMax: options.inFlightMax });
  const writer = new TickWriter(match);
  const pace = new Pace(options.speed);
  let complete = true;
  for (const tick of match.ticks()) {
    await pace.until(tick.tick, signal);
    await pipeline.ready();
    if (signal?.aborted) {
      complete = false;
      break;
    }
    const sent = performance.now();
    pipeline
      .commit(tick.tick, (building) => writer.write(tick, building))
      .then(
        (outcome) => {
          report.latency.add(performance.now() - sent);
          report.add(tick, outcome);
          onTick?.(report);
        },
        // `ready` and `drain` throw the failure; each promise repeats it.
        () => undefined,
      );
  }
  await pipeline.drain();
  return complete;
}

/** When each tick is due. A tick that is late is sent at once, and the next keep to their times. */
class Pace {
  readonly #msPerTick: number;
  readonly #started = performance.now();

  constructor(speed: number | null) {
    this.#msPerTick = speed === null ? 0 : tickMs / speed;
  }

  async until(tick: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#msPerTick === 0) return;
    const waitMs = this.#started + (tick - 1) * this.#msPerTick - performance.now();
    // Timers are no finer than this; shorter waits even out over the ticks.
    if (waitMs < 1) return;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
