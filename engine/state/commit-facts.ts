import type { RecordAuthor } from '../govern/record-author.ts';

/** Who committed, and what became of it: what a tick's change set does not say. */
export interface CommitFacts {
  /** Null: the record names nobody. */
  readonly by: RecordAuthor | null;
  /** Null: a direct write. */
  readonly tick: number | null;
  /** `refused`: nothing of it happened. */
  readonly outcome: 'done' | 'refused';
  /** The error that a refused one was answered with, or the conflict that aborted it. */
  readonly code: string | null;
  readonly accepted: number;
  readonly rejected: number;
  /** The columns that a direct write set; empty for ticks. */
  readonly columns: readonly string[];
}
