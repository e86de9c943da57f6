import type { ColumnStore } from './columns/column-store.ts';
import type { ContentionReport } from './govern/contention-report.ts';
import type { Turns } from './govern/turns.ts';
import type { Catalog } from './manifest/catalog.ts';
import type { ConflictCode } from './manifest/system-columns.ts';
import type { Row } from './manifest/types.ts';
import type { Lsn } from './position.ts';
import type { StateReader } from './state/state-reader.ts';
import type { TickBatch } from './tick/tick-batch.ts';
import type { ViewEngine } from './views/view-engine.ts';

/** One title's engine: the one write path and every way to read. */
export interface Engine {
  readonly catalog: Catalog;
  readonly state: StateReader;
  readonly views: ViewEngine;
  readonly columns: ColumnStore;
  /** Where long reads of live rows and views are run. */
  readonly turns: Turns;
  /** What fills the budget for memory, now. */
  readonly memory: EngineMemory;
  /** Reads see everything up to here; it is durable. */
  readonly appliedLsn: Lsn;
  /** Null while the engine works; else why it no longer acknowledges. */
  readonly failure: Error | null;

  /**
   * Opens a session, or finds it open. With `takeOver` its fence rises by one and every writer
   * with an older fence is refused (`FENCED`) from then on. Durable when it resolves. One that is
   * not there yet is refused where there is no room: `LIMIT_EXCEEDED` (sessions), `QUOTA_EXCEEDED`
   * (memory of rows and answers).
   */
  openSession(sessionId: string, takeOver: boolean): Promise<SessionInfo>;
  /**
   * A closed session refuses ticks (`FENCED`) until it is opened again with `takeOver`. It forgets,
   * for good, all but its newest answers (`limits.closedSessionAnswersMax`).
   */
  closeSession(sessionId: string, fence: number | null): Promise<SessionInfo>;
  session(sessionId: string): SessionInfo | null;

  /**
   * Commits one tick. Resolves once it is durable and applied. Rejects with `TICK_OUT_OF_ORDER`,
   * `FENCED`, `IDEMPOTENCY_MISMATCH`, `TICK_ABORTED` (the tick named by `afterTick` was aborted),
   * `UNAVAILABLE`, `OVERLOADED`, `LIMIT_EXCEEDED`, `QUOTA_EXCEEDED` (rows fill their memory),
   * `NOT_FOUND` (no such session).
   */
  commit(batch: TickBatch): Promise<TickOutcome>;

  /**
   * Which sessions and rows conflicted and waited in the last minutes, of one session or (null) of
   * all. Kept in memory alone: a restart forgets it.
   */
  contention(sessionId: string | null): ContentionReport;

  /** Resolves once `appliedLsn >= lsn`; `NOT_CAUGHT_UP` after the timeout. */
  waitForApplied(lsn: Lsn, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Bytes. */
export interface EngineMemory {
  /** Of live rows, with keys, indexes and strings. */
  readonly rowBytes: number;
  /** Of the answers that sessions keep for retries. */
  readonly answerBytes: number;
}

export interface SessionInfo {
  readonly sessionId: string;
  readonly fence: number;
  /** Null before the first tick. */
  readonly lastTick: number | null;
  readonly lsn: Lsn;
  /** 64 hexadecimal digits, chained tick by tick. */
  readonly stateHash: string;
  readonly open: boolean;
}

export interface TickOutcome {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  /** The same tick was committed before under its key; this is what it answered then. */
  readonly duplicate: boolean;
  readonly aborted: boolean;
  readonly accepted: number;
  readonly rejected: number;
  readonly stateHash: string;
  /** Ids of the actions in order: `actionId(i)`. */
  readonly actionIds: readonly string[];
  /** The conflicts, in order of `action`; an accepted action has none. */
  readonly conflicts: readonly ActionConflict[];
  /** The conflict of the tick's own effects, where that aborted it. */
  readonly tickConflict: EffectConflict | null;
  /** For direct writes: the row as it is now, null when deleted or absent. */
  readonly row: Row | null;
}

export interface EffectConflict {
  readonly code: ConflictCode;
  /** Index of the effect within its action (or among the tick's own), in order of application. */
  readonly effect: number;
  readonly table: string;
  /** The key columns, `sessionId` included where it is one. */
  readonly key: Row;
  readonly expectedVersion: number | null;
  readonly actualVersion: number | null;
  readonly lastWriter: {
    readonly lsn: Lsn;
    readonly tick: number | null;
    readonly actionId: string | null;
  } | null;
  readonly message: string;
}

export interface ActionConflict extends EffectConflict {
  readonly action: number;
}
