import type { ColumnQueries } from '../columns/column-queries.ts';
import type { ContentionReport } from '../govern/contention-report.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { Turns } from '../govern/turns.ts';
import type { Work } from '../govern/work.ts';
import type { Catalog } from '../model/catalog.ts';
import type { Lsn } from '../model/position.ts';
import type { SessionInfo } from '../state/session.ts';
import type { SessionListRequest, SessionPage } from '../state/session-list.ts';
import type { EngineMemory } from '../tick/projection.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import type { TickOutcome } from '../tick/tick-outcome.ts';
import type { PersonalValues } from '../vault/personal-values.ts';
import type { ViewQueries } from '../views/view-engine.ts';
import type { AccessControl } from './access-control.ts';
import type { StateQueries } from './state-queries.ts';

/**
 * Asked as a record is about to be appended: throws where who asks may not. What was decided before may
 * be decided otherwise by then; decisions are made here and never in `apply`.
 */
export type AppendGuard = () => void;

/**
 * One title's engine: the one write path and every way to read. A call of a request comes under its
 * ticket; one that is over is refused before it has done anything, with `UNAVAILABLE` (nobody waits
 * for the answer) or `QUERY_TIMEOUT` (its deadline has passed).
 */
export interface Engine {
  readonly catalog: Catalog;
  readonly state: StateQueries;
  readonly views: ViewQueries;
  readonly columns: ColumnQueries;
  /** The values of persons, in whose place all of the engine's answers have tokens. */
  readonly personal: PersonalValues;
  /** Who may do what, as the log has it. */
  readonly access: AccessControl;
  /** Where long reads of live rows and views are run. */
  readonly turns: Turns;
  /** What fills the budget for memory, now. */
  readonly memory: EngineMemory;
  /** Reads see everything up to here; it is durable. */
  readonly appliedLsn: Lsn;
  /** Null while the engine works; else why it no longer acknowledges. */
  readonly failure: Error | null;

  /**
   * Opens a session, or finds it open; one that is closed is refused (`FENCED`). With `takeOver` its fence rises by one and every writer
   * with an older fence is refused (`FENCED`) from then on; a closed session is opened again. Durable when it resolves. One that is
   * not there yet is refused where there is no room: `LIMIT_EXCEEDED` (sessions), `QUOTA_EXCEEDED`
   * (memory of rows, views and answers).
   */
  openSession(
    ticket: Ticket,
    sessionId: string,
    takeOver: boolean,
    mayAppend?: AppendGuard,
  ): Promise<SessionInfo>;
  /**
   * A closed session refuses ticks (`FENCED`) until it is opened again with `takeOver`. It forgets,
   * for good, all but its newest answers (`limits.closedSessionAnswersMax`).
   */
  closeSession(
    ticket: Ticket,
    sessionId: string,
    fence: number | null,
    mayAppend?: AppendGuard,
  ): Promise<SessionInfo>;
  session(ticket: Ticket, sessionId: string): SessionInfo | null;
  /**
   * The position of the newest tick of the session up to `tick`: the rows as of it are those after that
   * tick. `NOT_FOUND` where there is no such session, or it has not come so far, or nothing tells any
   * more where that was.
   */
  positionOfTick(ticket: Ticket, sessionId: string, tick: number): Promise<Lsn>;
  /** A page of the sessions there are, closed ones among them. */
  listSessions(ticket: Ticket, request: SessionListRequest): Work<SessionPage>;

  /**
   * Commits one tick. Resolves once it is durable and applied. The ticket counts up to where the tick
   * is appended, its turn included; from there on it is answered, whatever became of the ticket.
   * Rejects with `TICK_OUT_OF_ORDER`,
   * `FENCED`, `IDEMPOTENCY_MISMATCH`, `TICK_ABORTED` (the tick named by `afterTick` was aborted),
   * `UNAVAILABLE`, `OVERLOADED`, `LIMIT_EXCEEDED`, `QUOTA_EXCEEDED` (rows and views fill their memory),
   * `NOT_FOUND` (no such session). `mayAppend` is asked before anything but a duplicate is answered.
   */
  commit(ticket: Ticket, batch: TickBatch, mayAppend?: AppendGuard): Promise<TickOutcome>;

  /**
   * Which sessions and rows conflicted and waited in the last minutes, of one session or (null) of
   * all. Kept in memory alone: a restart forgets it.
   */
  contention(ticket: Ticket, sessionId: string | null): ContentionReport;

  /** Resolves once `appliedLsn >= lsn`; `NOT_CAUGHT_UP` at the ticket's deadline. */
  waitForApplied(ticket: Ticket, lsn: Lsn): Promise<void>;
  close(): Promise<void>;
}
