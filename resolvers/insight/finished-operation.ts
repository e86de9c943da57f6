import type { ErrorCode } from '../../engine/model/errors.ts';
import type { QueryClass } from '../../engine/model/types.ts';

export type FinishedKind = 'QUERY' | 'MUTATION' | 'SUBSCRIPTION' | 'COMMIT';

/** What operations that differ in values alone have in common. */
export interface OperationShape {
  /** 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** As its document names it; null: it does not. */
  readonly name: string | null;
  /** The operation with `_` (in SQL `?`) in the place of values, cut to `operationTextLengthMax`. */
  readonly text: string;
}

/** What an operation was and cost. It holds no value that anybody asked for or wrote. */
export interface FinishedOperation {
  readonly kind: FinishedKind;
  readonly shape: OperationShape;
  readonly subject: string;
  /** Null: the token names no role of the title. */
  readonly role: string | null;
  readonly queryClass: QueryClass;
  readonly requestId: string;
  /** Unix milliseconds. */
  readonly endedAtMs: number;
  /** From when the request was read to its answer; of a subscription to where it began. */
  readonly elapsedMs: number;
  /** How much of it was waiting for a position that was asked for. */
  readonly waitMs: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  /** What it took in the column store; null: that was not asked. */
  readonly memoryPeakBytes: number | null;
  /** Null: it succeeded. */
  readonly code: ErrorCode | null;
}
