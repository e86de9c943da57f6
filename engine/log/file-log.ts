import { isOutOfRoom, type Storage, type StorageFile, type StorageLock } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { Timers } from '../time/timers.ts';
import type {
  CommitLog,
  CommitLogListener,
  DroppedSegments,
  Durability,
  LogRecord,
  LogState,
} from './commit-log.ts';
import { GroupQueue } from './group-queue.ts';
import { LogPresence } from './log-presence.ts';
import { LossWindow } from './loss-window.ts';
import { readSegments } from './read-segments.ts';
import { type EncodedRecord, encodeRecord, recordBytes } from './record.ts';
import { RecordMemory } from './record-memory.ts';
import type { Segment } from './segment.ts';
import { createSegment, removeIfThere } from './segment-files.ts';
import { SegmentWriter } from './segment-writer.ts';

/** Told what the log costs. */
export interface LogObserver {
  /** A group was written; in `strict` it is durable. */
  onGroup?(records: number, bytes: number, seconds: number): void;
  /** Something was made durable: a group in `strict`, else what was written since the last time. */
  onSync?(seconds: number): void;
  /** The log stopped for good. Called once. */
  onFailure?(error: EngineError): void;
}

/** How long a full disk is left alone before the next look. */
const roomProbeMs = 1000;

export interface FileLogParts {
  readonly storage: Storage;
  readonly directory: string;
  readonly lock: StorageLock;
  readonly durability: Durability;
  readonly timers: Timers;
  readonly observer: LogObserver;
  readonly segmentBytesMax: number;
  readonly groupRecordsMax: number;
  /** At least one; the last is open as `file` and ends with the record `lastLsn`. */
  readonly segments: Segment[];
  readonly file: StorageFile;
  readonly lastLsn: Lsn;
  readonly chain: Uint8Array;
}

/**
 * The commit log in files of this machine. Group commit: while one group is being written, what is
 * appended gathers and becomes the next.
 *
 *     append ──► queue ──► group ──► one write (strict: through to the disk) ──► onDurable
 */
export class FileLog implements CommitLog {
  readonly durability: Durability;
  readonly #parts: FileLogParts;
  readonly #segments: Segment[];
  readonly #queue: GroupQueue;
  readonly #memory = new RecordMemory();
  readonly #presence: LogPresence;
  /** The look that was begun last; it never rejects. */
  #looking: Promise<void> = Promise.resolve();
  /** The segment that is just being removed. */
  #leaving: Segment | null = null;
  #writer: SegmentWriter;
  #listener: CommitLogListener | null = null;
  #state: LogState = { name: 'open' };

  /** first ≤ synced ≤ durable ≤ appended; in `strict` synced and durable are one. */
  #syncedLsn: Lsn;
  #durableLsn: Lsn;
  #appendedLsn: Lsn;
  /** The chains of the records `#durableLsn` and `#appendedLsn`. */
  #durableChain: Uint8Array;
  #appendedChain: Uint8Array;
  #pendingRecords = 0;
  #pendingBytes = 0;

  #draining = false;
  #whenDrained: (() => void) | null = null;
  /** `close`, once it was called. */
  #ending: Promise<void> | null = null;
  /** The loss window of the mode `interval`; null in the other modes. */
  readonly #lossWindow: LossWindow | null;
  #cancelTimer: (() => void) | null = null;
  /** The sync or the look for room that is under way; never two at a time. */
  #background: Promise<void> | null = null;
  #dropping: Promise<void> = Promise.resolve();

  constructor(parts: FileLogParts) {
    this.durability = parts.durability;
    this.#parts = parts;
    this.#segments = parts.segments;
    const { durability } = parts;
    this.#presence = new LogPresence(parts.storage, parts.directory, parts.timers);
    this.#lossWindow =
      durability.mode === 'interval' ? new LossWindow(durability.syncEveryMs) : null;
    this.#queue = new GroupQueue(parts.groupRecordsMax, limits.logGroupBytesMax);
    this.#writer = this.#writerOf(parts.segments.at(-1) as Segment, parts.file);
    this.#syncedLsn = parts.lastLsn;
    this.#durableLsn = parts.lastLsn;
    this.#appendedLsn = parts.lastLsn;
    this.#durableChain = parts.chain;
    this.#appendedChain = parts.chain;
  }

  get firstLsn(): Lsn {
    return (this.#segments[0] as Segment).firstLsn;
  }

  get durableLsn(): Lsn {
    return this.#durableLsn;
  }

  get syncedLsn(): Lsn {
    return this.#syncedLsn;
  }

  get pending(): { readonly records: number; readonly bytes: number } {
    return { records: this.#pendingRecords, bytes: this.#pendingBytes };
  }

  get state(): LogState {
    return this.#state;
  }

  listen(listener: CommitLogListener): void {
    this.#listener = listener;
  }

  append(parts: readonly Uint8Array[]): Lsn {
    const { state } = this;
    if (state.name === 'full' || state.name === 'failed') throw state.error;
    if (state.name !== 'open') throw new Error('append to a log that was closed');
    let payloadBytes = 0;
    for (const part of parts) payloadBytes += part.byteLength;
    if (payloadBytes > limits.logRecordBytesMax) throw recordTooLarge(payloadBytes);
    if (this.#pendingBytes + recordBytes(payloadBytes) > limits.logPendingBytesMax) {
      throw tooMuchPending();
    }
    const lsn = (this.#appendedLsn + 1) as Lsn;
    const record = encodeRecord(lsn, this.#appendedChain, parts, payloadBytes, this.#memory);
    this.#appendedLsn = lsn;
    this.#appendedChain = record.chain;
    this.#pendingRecords++;
    this.#pendingBytes += record.bytes;
    this.#queue.push(record);
    if (!this.#draining) {
      this.#draining = true;
      // Whatever else this turn of the event loop appends joins the group.
      setImmediate(() => void this.#drain());
    }
    return lsn;
  }

  read(from: Lsn): AsyncIterable<LogRecord> {
    return readSegments(this.#parts.storage, this.#segments, from, this.#durableLsn);
  }

  async syncTo(lsn: Lsn): Promise<void> {
    if (lsn > this.#durableLsn) throw new RangeError(`record ${lsn} is not durable yet`);
    while (this.#syncedLsn < lsn) {
      if (this.#state.name === 'failed') throw this.#state.error;
      await (this.#background ?? this.#syncInBackground());
    }
  }

  truncateBefore(lsn: Lsn, keepBytes: number): Promise<DroppedSegments> {
    const dropped = this.#dropping.then(() => this.#dropBefore(lsn, keepBytes));
    this.#dropping = dropped.then(
      () => {},
      () => {},
    );
    return dropped;
  }

  /** Oldest first, each for good before the next: a crash never leaves a gap. */
  async #dropBefore(lsn: Lsn, keepBytes: number): Promise<DroppedSegments> {
    const { storage, directory } = this.#parts;
    let segments = 0;
    let bytes = 0;
    for (;;) {
      const [first, second, ...others] = this.#segments;
      if (first === undefined || second === undefined || second.firstLsn > lsn) break;
      const left = others.reduce((sum, { end }) => sum + end, second.end);
      if (left < keepBytes) break;
      // One that could not be removed is the first to be tried again.
      this.#leaving = first;
      await removeIfThere(storage, first.path);
      await storage.syncDirectory(directory);
      this.#segments.shift();
      this.#leaving = null;
      segments++;
      bytes += first.end;
    }
    return { segments, bytes };
  }

  async checkPresence(): Promise<void> {
    if (!this.#mayAppendLater) return;
    const measured = this.#look(() => this.#presence.measureNext(this.#held));
    // While records are written each group looks, and files are closed as segments are begun.
    const present = this.#draining ? measured : this.#checkFiles();
    try {
      if (!this.#draining) this.#writer.requireWhole();
      await Promise.all([measured, present]);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #held = () => this.#segments.filter((segment) => segment !== this.#leaving);

  #checkFiles(): Promise<void> {
    return this.#look(() => this.#presence.check(this.#held, this.#writer.file));
  }

  /** One look after the other. */
  #look(question: () => Promise<void>): Promise<void> {
    const look = this.#looking.then(question);
    this.#looking = look.catch(() => {});
    return look;
  }

  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    if (this.#state.name !== 'failed') this.#state = { name: 'closing' };
    if (this.#draining) {
      await new Promise<void>((done) => {
        this.#whenDrained = done;
      });
    }
    this.#cancelTimer?.();
    await this.#looking;
    await this.#background;
    await this.#dropping;
    try {
      if (!this.#hasFailed) await this.#finish();
      if (!this.#hasFailed) this.#state = { name: 'closed' };
    } finally {
      await this.#writer.close().finally(() => this.#parts.lock.release());
    }
  }

  /** The writer loop. */
  async #drain(): Promise<void> {
    try {
      while (!this.#queue.isEmpty) await this.#commit(this.#queue.nextGroup());
    } finally {
      this.#draining = false;
      this.#whenDrained?.();
    }
  }

  async #commit(group: readonly EncodedRecord[]): Promise<void> {
    let bytes = 0;
    for (const record of group) bytes += record.bytes;
    const started = performance.now();
    try {
      if (!this.#writer.hasRoomFor(bytes)) await this.#beginNextSegment();
      // Side by side: whoever is acknowledged asked before, so the look may be earlier than the end.
      const present = this.#checkFiles();
      present.catch(() => {});
      await this.#writer.write(group, this.#syncedLsn);
      await present;
      for (const { slab } of group) if (slab) this.#memory.giveBack(slab);
      await this.#whenNotSpent();
    } catch (error) {
      if (isOutOfRoom(error)) await this.#reject(error);
      else this.#fail(error);
      return;
    }
    // A sync in the background may have failed meanwhile.
    if (this.#hasFailed) return;
    const seconds = (performance.now() - started) / 1000;
    const last = group.at(-1) as EncodedRecord;
    this.#pendingRecords -= group.length;
    this.#pendingBytes -= bytes;
    this.#durableLsn = last.lsn;
    this.#durableChain = last.chain;
    this.#parts.observer.onGroup?.(group.length, bytes, seconds);
    if (this.durability.mode === 'strict') {
      this.#syncedLsn = last.lsn;
      this.#parts.observer.onSync?.(seconds);
    } else {
      this.#lossWindow?.acknowledged(this.#parts.timers.now());
      this.#syncSoon();
    }
    this.#listener?.onDurable(last.lsn);
  }

  /** In every mode a segment is whole on the disk before the next one begins. */
  async #beginNextSegment(): Promise<void> {
    const { storage, directory } = this.#parts;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#background;
    await this.#looking;
    await this.syncTo(this.#durableLsn);
    const firstLsn = (this.#durableLsn + 1) as Lsn;
    const next = await createSegment(storage, directory, firstLsn, this.#durableChain);
    const before = this.#writer;
    this.#segments.push(next.segment);
    this.#writer = this.#writerOf(next.segment, next.file);
    await before.close();
  }

  #writerOf(segment: Segment, file: StorageFile): SegmentWriter {
    const how = this.durability.mode === 'strict' ? 'writeThrough' : 'write';
    return new SegmentWriter(segment, file, how, this.#parts.segmentBytesMax);
  }

  /**
   * Plans the next sync of the mode `interval`: it begins half the interval after the first record
   * that waits for it, so that it may take the other half and still end in time.
   */
  #syncSoon(waitedMs = 0): void {
    if (this.durability.mode !== 'interval' || !this.#mayAppendLater) return;
    if (this.#cancelTimer !== null || this.#background !== null) return;
    const delayMs = Math.max(0, this.durability.syncEveryMs / 2 - waitedMs);
    this.#cancelTimer = this.#parts.timers.after(delayMs, () => {
      this.#cancelTimer = null;
      void this.#syncInBackground();
    });
  }

  #syncInBackground(): Promise<void> {
    const { timers } = this.#parts;
    const begunMs = timers.now();
    return this.#inBackground(async () => {
      await this.#syncAll().catch((error) => this.#fail(error));
      return () => {
        const more = !this.#hasFailed && this.#durableLsn > this.#syncedLsn;
        if (more) this.#syncSoon(timers.now() - begunMs);
      };
    });
  }

  /** Begins `work` once what is under way has ended; then, when it has, what it answers. */
  #inBackground(work: () => Promise<() => void>): Promise<void> {
    const worked = this.#background === null ? work() : this.#background.then(work);
    const running = worked.then((next) => {
      if (this.#background === running) this.#background = null;
      next();
    });
    this.#background = running;
    return running;
  }

  /** In the mode `interval` a disk that does not keep up with syncs holds acknowledgements back. */
  async #whenNotSpent(): Promise<void> {
    while (!this.#hasFailed && this.#lossWindow?.isSpent(this.#parts.timers.now())) {
      this.#cancelTimer?.();
      this.#cancelTimer = null;
      await (this.#background ?? this.#syncInBackground());
    }
  }

  async #syncAll(): Promise<void> {
    const upTo = this.#durableLsn;
    const started = performance.now();
    this.#lossWindow?.syncBegins();
    try {
      await this.#writer.sync();
    } catch (cause) {
      // Wrapped, so that a sync which failed for lack of room is not taken for such a write.
      throw new Error('a sync failed', { cause });
    }
    this.#lossWindow?.syncEnds();
    this.#syncedLsn = upTo;
    this.#parts.observer.onSync?.((performance.now() - started) / 1000);
  }

  /** For lack of room nothing of the group was acknowledged, and nothing of it shall remain. */
  async #reject(cause: unknown): Promise<void> {
    const error = noRoom(cause);
    if (this.#state.name === 'open') this.#state = { name: 'full', error };
    this.#dropPending();
    this.#appendedLsn = this.#durableLsn;
    this.#appendedChain = this.#durableChain;
    try {
      await this.#background;
      await this.#writer.undo();
    } catch (failure) {
      this.#fail(failure);
      return;
    }
    if (this.#hasFailed) return;
    this.#syncedLsn = this.#durableLsn;
    this.#listener?.onRejected((this.#durableLsn + 1) as Lsn, error);
    this.#lookForRoomLater();
  }

  #lookForRoomLater(): void {
    if (!this.#mayAppendLater) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#parts.timers.after(roomProbeMs, () => {
      this.#cancelTimer = null;
      void this.#inBackground(() => this.#lookForRoom());
    });
  }

  /** Answers what is to be done then. */
  async #lookForRoom(): Promise<() => void> {
    try {
      await this.#writer.findRoom();
      if (this.#state.name === 'full') this.#state = { name: 'open' };
      return () => this.#listener?.onRoom?.();
    } catch (error) {
      try {
        if (!isOutOfRoom(error)) throw error;
        await this.#writer.undo();
      } catch (failure) {
        this.#fail(failure);
        return () => {};
      }
      return () => this.#lookForRoomLater();
    }
  }

  #fail(cause: unknown): void {
    if (this.#hasFailed) return;
    const error = stopped(cause);
    this.#state = { name: 'failed', error };
    this.#dropPending();
    this.#cancelTimer?.();
    this.#listener?.onFailure(error);
    this.#parts.observer.onFailure?.(error);
  }

  #dropPending(): void {
    this.#queue.clear();
    this.#pendingRecords = 0;
    this.#pendingBytes = 0;
  }

  get #hasFailed(): boolean {
    return this.#state.name === 'failed';
  }

  /** Neither failed nor closing. */
  get #mayAppendLater(): boolean {
    return this.#state.name === 'open' || this.#state.name === 'full';
  }

  async #finish(): Promise<void> {
    await this.syncTo(this.#durableLsn);
    try {
      await this.#writer.seal(this.#durableLsn, this.#durableChain);
    } catch {
      // Without its seal the log opens as after a crash, and nothing is lost.
    }
  }
}

function stopped(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError(
    'UNAVAILABLE',
    'the log could not be written or synced and acknowledges nothing more: check the disk, then start again',
    { cause },
  );
}

function noRoom(cause: unknown): EngineError {
  return new EngineError('UNAVAILABLE', 'the disk of the log is full: nothing new is accepted', {
    retryAfterMs: roomProbeMs,
    cause,
  });
}

function recordTooLarge(bytes: number): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `a record of ${bytes} bytes is over the limit of ${limits.logRecordBytesMax}`,
    { details: { limit: 'logRecordBytesMax', max: limits.logRecordBytesMax, actual: bytes } },
  );
}

function tooMuchPending(): EngineError {
  return new EngineError(
    'OVERLOADED',
    `over ${limits.logPendingBytesMax} bytes wait for the disk already`,
    { retryAfterMs: 100, details: { limit: 'logPendingBytesMax', max: limits.logPendingBytesMax } },
  );
}
