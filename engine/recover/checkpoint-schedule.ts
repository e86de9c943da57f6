import type { DroppedSegments } from '../log/commit-log.ts';
import type { Lsn } from '../model/position.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { LogRetention } from './log-retention.ts';

/** Told of checkpoints and of the log dropped behind them. */
export interface CheckpointObserver {
  /** A checkpoint was taken, or could not be (`error`); the one before then stays. */
  onCheckpoint?(seconds: number, error: Error | null): void;
  /** Old log was dropped, or could not be (`error`). */
  onLogDropped?(dropped: DroppedSegments, error: Error | null): void;
}

export interface CheckpointScheduleParts {
  readonly checkpointer: Checkpointer;
  readonly retention: LogRetention;
  /** Log bytes after which a checkpoint is due. */
  readonly everyBytes: number;
  /** Log bytes that recovery replayed behind the checkpoint it loaded. */
  readonly bytesSince: number;
  /** The last record applied. */
  readonly appliedLsn: () => Lsn;
  readonly observer: CheckpointObserver;
}

/**
 * When checkpoints are taken: after so many bytes of log, one at a time, and old log is dropped
 * behind each. Nothing here ever rejects: a checkpoint that fails leaves the one before, and the
 * log has everything.
 */
export class CheckpointSchedule {
  readonly #parts: CheckpointScheduleParts;
  #bytesSince: number;
  #underWay: Promise<void> | null = null;
  #stopped = false;
  #abandoned = false;

  constructor(parts: CheckpointScheduleParts) {
    this.#parts = parts;
    this.#bytesSince = parts.bytesSince;
  }

  /** A record of so many bytes was applied. */
  applied(bytes: number): void {
    this.#bytesSince += bytes;
  }

  checkpointIfDue(): void {
    if (this.#abandoned) return;
    if (this.#bytesSince >= this.#parts.everyBytes) void this.#checkpoint();
  }

  /** From now on a checkpoint that ends asks for no other. */
  stop(): void {
    this.#stopped = true;
  }

  /** No checkpoint begins or is published from now on: the state is not what the log says. */
  abandon(): void {
    this.#abandoned = true;
    this.#parts.checkpointer.abandon();
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** Takes one if anything was applied since the last. */
  async checkpointLast(): Promise<void> {
    if (this.#bytesSince > 0 && !this.#abandoned) await this.#checkpoint();
  }

  /** Takes a checkpoint, or joins the one under way. */
  #checkpoint(): Promise<void> {
    this.#underWay ??= this.#checkpointOnce().then((taken) => {
      this.#underWay = null;
      // A burst may have ended meanwhile: no tick comes that would ask for the next one.
      if (taken && !this.#stopped) this.checkpointIfDue();
    });
    return this.#underWay;
  }

  /** False where none could be taken. */
  async #checkpointOnce(): Promise<boolean> {
    const { checkpointer, appliedLsn, observer } = this.#parts;
    this.#bytesSince = 0;
    const startedMs = performance.now();
    let failure: Error | null = null;
    try {
      await checkpointer.checkpoint(appliedLsn());
    } catch (error) {
      failure = error as Error;
    }
    observer.onCheckpoint?.((performance.now() - startedMs) / 1000, failure);
    if (failure === null) await this.#dropOldLog();
    return failure === null;
  }

  async #dropOldLog(): Promise<void> {
    const { retention, observer } = this.#parts;
    try {
      const dropped = await retention.apply();
      if (dropped.segments > 0) observer.onLogDropped?.(dropped, null);
    } catch (error) {
      observer.onLogDropped?.({ segments: 0, bytes: 0 }, error as Error);
    }
  }
}
