import type { ColumnFollower } from '../columns/column-follower.ts';
import type { CommitLog, DroppedSegments } from '../log/commit-log.ts';
import { asLsn } from '../model/position.ts';
import type { Checkpointer } from './checkpointer.ts';

export interface LogRetentionParts {
  readonly log: Pick<CommitLog, 'truncateBefore'>;
  readonly checkpointer: Pick<Checkpointer, 'published'>;
  readonly columns: Pick<ColumnFollower, 'neededFromLsn'>;
  /** Bytes of log that stay in any case; null: all of it. */
  readonly keepBytes: number | null;
}

/** Decides which part of the log no start needs any more, and drops it. */
export class LogRetention {
  readonly #parts: LogRetentionParts;

  constructor(parts: LogRetentionParts) {
    this.#parts = parts;
  }

  /**
   * Drops segments that lie before every checkpoint kept, of which there must be two, if the column
   * store is durably past the oldest of these. So even where all that was kept of its backlog is
   * damaged, a start finds a checkpoint that needs none, and the log from there on. Call it after a
   * checkpoint.
   */
  async apply(): Promise<DroppedSegments> {
    const { log, checkpointer, columns, keepBytes } = this.#parts;
    const oldest = checkpointer.published.at(-1);
    if (keepBytes === null || !oldest || checkpointer.published.length < 2) return nothing;
    if (oldest.lsn >= columns.neededFromLsn) return nothing;
    return log.truncateBefore(asLsn(oldest.lsn + 1), keepBytes);
  }
}

const nothing: DroppedSegments = { segments: 0, bytes: 0 };
