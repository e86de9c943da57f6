import type { Engine } from '../../engine/index.ts';
import type { TitleHealth } from '../../resolvers/insight/title-health.ts';
import { isOpenColumnStore, type WatchedAudit } from './metric-registry.ts';
import { paneMs, RecentDurationsRecorder } from './recent-durations.ts';

/** What a title's parts tell of the last minutes, beside what metrics sum up for ever. */
export class Health {
  readonly #nowMs: () => number;
  readonly logSync: RecentDurationsRecorder;
  readonly #staleness = new Map<string, RecentDurationsRecorder>();

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.logSync = new RecentDurationsRecorder(nowMs);
  }

  /** From a commit to the frame that shows it, of a view or table. There are as many as the manifest names. */
  stalenessOf(view: string): RecentDurationsRecorder {
    let recorder = this.#staleness.get(view);
    if (recorder === undefined) {
      recorder = new RecentDurationsRecorder(this.#nowMs);
      this.#staleness.set(view, recorder);
    }
    return recorder;
  }

  read(engine: Engine, audit: WatchedAudit, memoryBytesMax: number): TitleHealth {
    const { columns, memory } = engine;
    const staleness: TitleHealth['staleness'] = new Map(
      [...this.#staleness].flatMap(([view, recorder]) => {
        const durations = recorder.read();
        return durations === null ? [] : [[view, durations]];
      }),
    );
    return {
      windowSeconds: (2 * paneMs) / 1_000,
      logSync: this.logSync.read(),
      staleness,
      appliedLsn: engine.appliedLsn,
      columnsCoveredLsn: columns.coveredLsn,
      columnsTrouble: isOpenColumnStore(columns) ? columns.trouble : null,
      memoryUsedBytes: memory.rowBytes + memory.viewBytes + memory.answerBytes,
      memoryBytesMax,
      audit: audit.state,
    };
  }
}
