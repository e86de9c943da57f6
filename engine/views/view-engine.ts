import type { Ticket } from '../govern/ticket.ts';
import type { Work } from '../govern/work.ts';
import type { Lsn } from '../model/position.ts';
import type { Row } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { TickBatch } from '../tick/tick-batch.ts';

/**
 * One message of a subscription. Folding frames by key (rows replace, removed keys leave, SNAPSHOT
 * and RESET start over) gives the view's rows at `lsn`, always: no gap, no repeat that matters.
 */
export interface Frame {
  /** RESET: the cursor was too old or the view changed; its rows are a whole snapshot. */
  readonly kind: 'SNAPSHOT' | 'DELTA' | 'RESET' | 'HEARTBEAT';
  /** Where to resume from: opaque, names the view, its definition and a log position. */
  readonly cursor: string;
  readonly lsn: Lsn;
  /** The tick behind the newest change, where the frame holds changes of one session only. */
  readonly tick: number | null;
  readonly rows: readonly Row[];
  /** Keys of rows that left the subscription (deleted, or no longer matching `where`). */
  readonly removed: readonly Row[];
}

export interface ViewRows {
  readonly lsn: Lsn;
  readonly rows: readonly Row[];
}

export interface SubscribeRequest {
  readonly where: Condition | null;
  readonly cursor: string | null;
  /**
   * Frames a second at most (up to 1000); ticks in between are coalesced by key. Null: one a tick
   * that changed matching rows, while the subscriber keeps up (`limits.feedStepFramesMax`,
   * `feedStepMs`); one for all it missed when it does not.
   */
  readonly maxRate: number | null;
  /** What happens when the subscriber is further behind than the feed remembers. */
  readonly onLag: 'COALESCE' | 'DISCONNECT';
}

/** Where a subscriber is. */
export interface FrameStanding {
  /** Everything up to here it has been told. */
  readonly lsn: Lsn;
  /** Ticks of its feed that wait for it, those among them that do not concern it included. */
  readonly lagTicks: number;
  /** Since when the oldest of them waits, in milliseconds. */
  readonly lagMs: number;
  /** The session whose rows alone it gets; null: it names none. */
  readonly sessionId: string | null;
}

/** The frames of one subscriber. */
export interface FrameStream extends AsyncIterableIterator<Frame, undefined> {
  readonly standing: FrameStanding;
}

/**
 * What a request may ask of views and of row feeds. A ticket that is over is refused by the call.
 */
export interface ViewQueries {
  /** The last change set folded in. */
  readonly lsn: Lsn;
  /**
   * The view's rows, in key order; a top view's by partition, best first. As of the position at
   * which the work ends. `view`: a view of the manifest, else `BAD_USER_INPUT`.
   */
  read(ticket: Ticket, view: string, where: Condition | null): Work<ViewRows>;
  /**
   * Frames of a view or, given a state table's name, of that table's rows (with their system
   * columns). The first frame is a SNAPSHOT, or the missed DELTA (empty, when nothing was missed)
   * when the cursor still holds. The iterator ends when its `return` is called or the engine
   * closes, and rejects with `OVERLOADED` where `onLag` says so. Throws at once: `BAD_USER_INPUT`
   * for an unknown source, a malformed cursor or rate; `OVERLOADED` beyond `subscribersPerFeedMax`;
   * `LIMIT_EXCEEDED` for conditions that cost too much, by themselves or with the others of the
   * ticket's subject.
   */
  subscribe(ticket: Ticket, source: string, request: SubscribeRequest): FrameStream;
  /** Subscribers now, by view or state table. For metrics: no request asks. */
  subscribers(): ReadonlyMap<string, number>;
}

/**
 * Materialized views and row feeds of one title, folded from change sets.
 *
 * A feed keeps a bounded ring of recent deltas shared by all its subscribers; a subscriber is a
 * place in that ring, so memory does not grow with how far subscribers are behind. A subscriber
 * out of the ring gets a RESET (`COALESCE`) or `OVERLOADED` (`DISCONNECT`).
 */
export interface ViewEngine extends ViewQueries {
  /**
   * Memory of groups, of what their aggregates keep, and of texts, in bytes. What feeds remember is
   * not in it: that has bounds of its own.
   */
  readonly memoryBytes: number;
  /** Whether the batch may bring groups or values that no row of the state stands for. */
  mayGrow(batch: TickBatch): boolean;
  /**
   * Folds one change set into every view and wakes the subscribers. Must be called in log order, in
   * the turn of the event loop in which the rows of the state changed: frames and snapshots are
   * made between turns, and state and views must then be at the same position.
   */
  apply(changes: ChangeSet): void;
  /** The rows that `read` gives, in one turn, however long that takes; for the engine's own checks. */
  rows(view: string, where: Condition | null): ViewRows;
  close(): void;
}
