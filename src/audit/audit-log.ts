import {
  type CommitLog,
  type Lsn,
  openFileLog,
  processTimers,
  type Storage,
  type Timers,
} from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type AuditRecord, encodeRecord } from './audit-record.ts';
import { type RecordPerson, recordAsSaid } from './recorded-person.ts';
import { RepeatedRefusals } from './repeated-refusals.ts';

/**
 * - `ok`: what is recorded is written at once.
 * - `waiting`: the disk has no room, or the log failed; records wait in memory.
 * - `refusing`: so many wait that what would be recorded is refused before it does anything.
 */
export type AuditState = 'ok' | 'waiting' | 'refusing';

export interface AuditLogOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** How records name persons; left out: as they were said. */
  readonly recordPerson?: RecordPerson;
  readonly storage?: Storage;
  readonly timers?: Timers;
  readonly nowMs?: () => number;
  readonly segmentBytesMax?: number;
}

interface Waiting {
  readonly record: AuditRecord;
  readonly payload: Buffer;
  /** Its place in the log; null while it is not appended. */
  lsn: Lsn | null;
}

interface Waiter {
  /** Resolved when so many records are durable. */
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * The audit log of one title: a log of its own beside the title's, with the same proofs, synced before
 * a record counts as durable. Recording neither throws nor waits. Nothing is dropped: what cannot be
 * written waits in memory, up to a bound past which `admit` refuses whatever would be recorded next.
 *
 *     record ──► waiting ──► append ──► one write and sync a group ──► durable ──► onDurable
 *                   ▲           │
 *                   └───────────┘ no room: appended again when there is
 */
export class AuditLog {
  readonly #log: CommitLog;
  readonly #logger: Logger;
  readonly #recordPerson: RecordPerson;
  readonly #refusals: RepeatedRefusals;
  /** In order; those that are appended first. */
  readonly #waiting: Waiting[] = [];
  /** How many of them are appended. */
  #appended = 0;
  #waitingBytes = 0;
  /** Records so far, and how many of them are durable. */
  #recorded = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #isClosed = false;
  /** Called when more records are durable. */
  onDurable: (() => void) | null = null;

  /** Throws `UNAVAILABLE` where the log is damaged or held by another process. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const { directory, logger, storage, timers, segmentBytesMax } = options;
    const log = await openFileLog({
      directory,
      durability: { mode: 'strict' },
      // Older records are proven by `tickloom audit verify`; a start shall not wait for years of them.
      replayFrom: 'lastSegment',
      segmentBytesMax: segmentBytesMax ?? servingLimits.auditSegmentBytesMax,
      onReport: ({ torn }) => {
        if (torn === null) return;
        logger.warn({ torn }, 'an unfinished write was cut off the audit log');
      },
      ...(storage === undefined ? {} : { storage }),
      ...(timers === undefined ? {} : { timers }),
    });
    return new AuditLog(log, options);
  }

  private constructor(log: CommitLog, options: AuditLogOptions) {
    this.#log = log;
    this.#logger = options.logger;
    this.#recordPerson = options.recordPerson ?? recordAsSaid;
    this.#refusals = new RepeatedRefusals({
      timers: options.timers ?? processTimers,
      nowMs: options.nowMs ?? Date.now,
      hasRoom: () => this.state !== 'refusing',
      write: (record) => this.#write(record),
    });
    log.listen({
      onDurable: (upTo) => this.#onDurable(upTo),
      onRejected: (from, error) => {
        this.#logger.error(
          { error, waiting: this.#waiting.length },
          'the disk of the audit log is full: records wait in memory',
        );
        for (const entry of this.#waiting) {
          if (entry.lsn !== null && entry.lsn >= from) entry.lsn = null;
        }
        this.#appended = this.#waiting.filter(({ lsn }) => lsn !== null).length;
      },
      onRoom: () => {
        this.#logger.info({}, 'the audit log has room again');
        this.#appendWaiting();
      },
      onFailure: (error) => {
        this.#logger.fatal(
          { error },
          'the audit log stopped: records wait in memory, and past the bound what is audited is refused; check the disk, then start again',
        );
        for (const { reject } of this.#waiters.splice(0)) reject(notKept(error));
      },
    });
  }

  /** Neither throws nor waits. */
  record(record: AuditRecord): void {
    this.#logger.debug({ audit: record }, record.action);
    if (!this.#refusals.take(record)) this.#write(record);
  }

  /**
   * Throws `UNAVAILABLE` while too many records wait for the disk. Whatever would be recorded asks this
   * before it does anything.
   */
  admit(): void {
    if (this.state !== 'refusing') return;
    throw notKept(this.#obstacle);
  }

  get state(): AuditState {
    const { auditWaitingRecordsMax, auditWaitingBytesMax } = servingLimits;
    const isFull =
      this.#waiting.length >= auditWaitingRecordsMax || this.#waitingBytes >= auditWaitingBytesMax;
    if (isFull) return 'refusing';
    return this.#obstacle === null ? 'ok' : 'waiting';
  }

  /** Why records wait; null while they do not. */
  get trouble(): string | null {
    return this.#obstacle?.message ?? null;
  }

  /** Records that are not durable yet, and their bytes. */
  get waiting(): { readonly records: number; readonly bytes: number } {
    return { records: this.#waiting.length, bytes: this.#waitingBytes };
  }

  get firstLsn(): Lsn {
    return this.#log.firstLsn;
  }

  get durableLsn(): Lsn {
    return this.#log.durableLsn;
  }

  /** Resolves when everything recorded so far is durable; rejects with `UNAVAILABLE` once it cannot be. */
  async settled(): Promise<void> {
    if (this.#durable === this.#recorded) return;
    const { state } = this.#log;
    if (state.name === 'failed') throw notKept(state.error);
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ count: this.#recorded, resolve, reject });
    });
  }

  /** As `settled`, for so long at most; false where it was not in time. */
  async settledWithin(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const settled = this.settled().then(
      () => true,
      () => false,
    );
    return Promise.race([settled, late]).finally(() => clearTimeout(timer));
  }

  /** Durable records from `from` on, in order, as of the call. */
  read(from: Lsn): ReturnType<CommitLog['read']> {
    return this.#log.read(from);
  }

  dropBefore(lsn: Lsn, keepBytes: number): ReturnType<CommitLog['truncateBefore']> {
    return this.#log.truncateBefore(lsn, keepBytes);
  }

  /** Writes what waits. What cannot be written is told in the server's own log, as the last place. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#refusals.close();
    this.#isClosed = true;
    await this.#log.close();
    for (const { record } of this.#waiting) {
      this.#logger.error({ audit: record }, 'an audit record could not be kept in its log');
    }
  }

  /** Why nothing can be written now; null where it can. */
  get #obstacle(): EngineError | null {
    const { state } = this.#log;
    return 'error' in state ? state.error : null;
  }

  #write(told: AuditRecord): void {
    const record = { ...told, ...this.#recordPerson(told) };
    const payload = encodeRecord(record);
    this.#waiting.push({ record, payload, lsn: null });
    this.#waitingBytes += payload.byteLength;
    this.#recorded += 1;
    this.#appendWaiting();
  }

  #appendWaiting(): void {
    if (this.#isClosed) return;
    for (; this.#appended < this.#waiting.length; this.#appended++) {
      const entry = this.#waiting[this.#appended] as Waiting;
      try {
        entry.lsn = this.#log.append([entry.payload]);
      } catch (error) {
        // It failed, has no room, or too much waits for a slow disk: it is tried again after that.
        if (error instanceof EngineError) return;
        throw error;
      }
    }
  }

  #onDurable(upTo: Lsn): void {
    let count = 0;
    for (const { lsn, payload } of this.#waiting) {
      if (lsn === null || lsn > upTo) break;
      this.#waitingBytes -= payload.byteLength;
      count += 1;
    }
    this.#waiting.splice(0, count);
    this.#appended -= count;
    this.#durable += count;
    this.#appendWaiting();
    this.#waiters = this.#waiters.filter(({ count: wanted, resolve }) => {
      if (wanted > this.#durable) return true;
      resolve();
      return false;
    });
    this.onDurable?.();
  }
}

function notKept(cause: EngineError | null): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    'what is done here must be recorded, and the audit log cannot be written: nothing was done; its operators must make room on the disk or restart the server',
    { retryAfterMs: 5_000, cause },
  );
}
