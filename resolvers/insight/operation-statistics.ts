import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { limits } from '../../engine/model/limits.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import type { FinishedKind, FinishedOperation, OperationShape } from './finished-operation.ts';

/** What all runs of one operation came to since it was first seen. */
export class OperationStatistics {
  readonly kind: FinishedKind;
  readonly shape: OperationShape;
  /** In which class it ran last. */
  queryClass: QueryClass;
  readonly firstSeenAtMs: number;
  lastSeenAtMs: number;
  count = 0;
  failed = 0;
  /** The code of the failure seen last. */
  lastCode: string | null = null;
  totalMs = 0;
  waitMs = 0;
  maxMs = 0;
  rowsRead = 0;
  bytesRead = 0;
  memoryPeakBytes: number | null = null;
  /** The first `operationRolesMax` that ran it. */
  readonly roles = new Set<string>();
  /** Whole microseconds, to within a sixteenth, in four kilobytes. */
  readonly #durationsUs: RecordableHistogram;

  constructor({ kind, shape, queryClass, endedAtMs }: FinishedOperation) {
    this.kind = kind;
    this.shape = shape;
    this.queryClass = queryClass;
    this.firstSeenAtMs = endedAtMs;
    this.lastSeenAtMs = endedAtMs;
    this.#durationsUs = createHistogram({ lowest: 1, highest: durationUsMax, figures: 1 });
  }

  add(operation: FinishedOperation): void {
    const { elapsedMs, memoryPeakBytes, code, role } = operation;
    this.count += 1;
    this.queryClass = operation.queryClass;
    this.lastSeenAtMs = operation.endedAtMs;
    this.totalMs += elapsedMs;
    this.waitMs += operation.waitMs;
    this.maxMs = Math.max(this.maxMs, elapsedMs);
    this.rowsRead += operation.rowsRead;
    this.bytesRead += operation.bytesRead;
    if (memoryPeakBytes !== null) {
      this.memoryPeakBytes = Math.max(this.memoryPeakBytes ?? 0, memoryPeakBytes);
    }
    if (code !== null) {
      this.failed += 1;
      this.lastCode = code;
    }
    if (role !== null && this.roles.size < limits.operationRolesMax) this.roles.add(role);
    this.#durationsUs.record(Math.min(durationUsMax, Math.max(1, Math.round(elapsedMs * 1_000))));
  }

  /** The duration that so many per cent of all runs did not exceed. */
  percentileMs(percent: number): number {
    return Math.min(this.maxMs, this.#durationsUs.percentile(percent) / 1_000);
  }
}

/** Longer ones count as one hour. */
const durationUsMax = 3_600_000_000;
