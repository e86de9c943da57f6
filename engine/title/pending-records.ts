import type { SpanSink } from '../govern/span-sink.ts';
import type { Lsn } from '../model/position.ts';
import type { SessionInfo, SessionState } from '../state/session.ts';
import type { LoggedBatch } from '../tick/projection.ts';
import type { TickOutcome } from '../tick/tick-outcome.ts';
import type { SessionRecordHeader } from '../tick/tick-record.ts';

/** A record that was appended, and who waits for what becomes of it. */
export type PendingRecord = PendingTick | PendingSession;

export interface PendingTick {
  readonly kind: 'tick';
  readonly logged: LoggedBatch;
  /** Size of the tick's record. */
  readonly bytes: number;
  readonly entry: CommitEntry;
}

export interface PendingSession {
  readonly kind: 'session';
  readonly lsn: Lsn;
  readonly record: SessionRecordHeader;
  readonly resolve: (session: SessionInfo | null) => void;
  readonly reject: (error: Error) => void;
}

export interface Caller {
  readonly resolve: (outcome: TickOutcome) => void;
  readonly reject: (error: Error) => void;
}

export interface CommitEntry extends Caller {
  /** Null for a direct write. */
  readonly session: SessionState | null;
  /** Null: the request is not traced. */
  readonly traced: TracedCommit | null;
}

/** Who is told of a commit's way, and since when it has been on it, on the monotonic clock. */
export interface TracedCommit {
  readonly spans: SpanSink;
  readonly enteredMs: number;
  readonly appendedMs: number;
}

export interface PendingRecordsParts {
  /** Everything up to here has been applied by recovery. */
  readonly appliedLsn: Lsn;
  readonly apply: (record: PendingRecord) => void;
  /** Everything durable has been applied. */
  readonly onCaughtUp: () => void;
}

/** How long applying may hold the event loop before other work gets its turn. */
const applySliceMs = 10;

/** What is appended and not yet applied, in log order; applied once it is durable, in slices. */
export class PendingRecords {
  readonly #parts: PendingRecordsParts;
  /**
   * From `#from` on. What is before it is null: an applied tick is young garbage then, columns and
   * all, not some of a second's worth.
   */
  #records: (PendingRecord | null)[] = [];
  #from = 0;
  #durableLsn: Lsn;
  #applying = false;
  #tellIdle: (() => void) | null = null;

  constructor(parts: PendingRecordsParts) {
    this.#parts = parts;
    this.#durableLsn = parts.appliedLsn;
  }

  get durableLsn(): Lsn {
    return this.#durableLsn;
  }

  /** In the order of the log. */
  push(record: PendingRecord): void {
    this.#records.push(record);
  }

  /** Everything up to here is durable: applies it, now or in turns of the event loop to come. */
  applyUpTo(lsn: Lsn): void {
    this.#durableLsn = lsn;
    this.#applySlice();
  }

  /** Takes out the records from `from` on: they never happened, or nobody knows whether they did. */
  removeFrom(from: Lsn): PendingRecord[] {
    const first = this.#records.findIndex((record) => record !== null && lsnOf(record) >= from);
    return first === -1 ? [] : (this.#records.splice(first) as PendingRecord[]);
  }

  /** Resolves once everything durable has been applied. */
  whenIdle(): Promise<void> {
    if (this.#from >= this.#records.length) return Promise.resolve();
    return new Promise((resolve) => {
      this.#tellIdle = resolve;
    });
  }

  #applySlice(): void {
    if (this.#applying) return;
    const startedMs = performance.now();
    while (this.#from < this.#records.length) {
      const next = this.#records[this.#from] as PendingRecord;
      if (lsnOf(next) > this.#durableLsn) break;
      if (performance.now() - startedMs > applySliceMs) {
        this.#applying = true;
        setImmediate(() => {
          this.#applying = false;
          this.#applySlice();
        });
        return;
      }
      this.#records[this.#from++] = null;
      this.#parts.apply(next);
    }
    this.#parts.onCaughtUp();
    if (this.#from === this.#records.length) {
      this.#records = [];
      this.#from = 0;
      this.#tellIdle?.();
    } else if (this.#from > 1024) {
      this.#records = this.#records.slice(this.#from);
      this.#from = 0;
    }
  }
}

function lsnOf(record: PendingRecord): Lsn {
  return record.kind === 'tick' ? record.logged.lsn : record.lsn;
}
