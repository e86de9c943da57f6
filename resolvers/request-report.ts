import type { QueryStatistics } from '../engine/index.ts';
import { formatPosition, type Lsn } from '../engine/model/position.ts';
import type { QueryClass } from '../engine/model/types.ts';

/** `extensions.tickloom` of a response. */
export interface TickloomExtensions {
  /** The highest position the answer rests on; a client sends it back as `x-tickloom-read-after`. */
  readonly position?: string;
  readonly class: QueryClass;
  readonly elapsedMs: number;
  readonly rowsRead?: number;
  readonly bytesRead?: number;
  readonly memoryPeakBytes?: number;
  /** Fields whose lists have a bound of their own that cut them. */
  readonly truncated?: readonly string[];
}

/** What one operation used and rests on, summed over its fields. */
export class RequestReport {
  readonly #queryClass: QueryClass;
  readonly #startedMs: number;
  readonly #nowMs: () => number;
  #lsn: Lsn | null = null;
  #rowsRead: number | null = null;
  #rowsUntold = 0;
  #bytesRead: number | null = null;
  #memoryPeakBytes: number | null = null;
  #waitMs = 0;
  readonly #sql: string[] = [];
  readonly #cut = new Set<string>();

  /** `nowMs`: a monotonic clock in milliseconds. */
  constructor(queryClass: QueryClass, nowMs: () => number = () => performance.now()) {
    this.#queryClass = queryClass;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  /** Rows that were read, told or not. */
  get rowsRead(): number {
    return (this.#rowsRead ?? 0) + this.#rowsUntold;
  }

  get bytesRead(): number {
    return this.#bytesRead ?? 0;
  }

  get memoryPeakBytes(): number | null {
    return this.#memoryPeakBytes;
  }

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return this.#nowMs() - this.#startedMs;
  }

  /** Milliseconds of waiting for positions that were asked for. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** The shapes of the SQL that it ran. */
  get sql(): readonly string[] {
    return this.#sql;
  }

  /** Waits for a position that the request asks for. */
  async waitsFor(reached: Promise<unknown>): Promise<void> {
    const sinceMs = this.#nowMs();
    try {
      await reached;
    } finally {
      this.#waitMs += this.#nowMs() - sinceMs;
    }
  }

  /** A field runs SQL of this shape. */
  runsSql(shape: string): void {
    this.#sql.push(shape);
  }

  /** A field rests on the log up to here. */
  sawPosition(lsn: Lsn): void {
    if (this.#lsn === null || lsn > this.#lsn) this.#lsn = lsn;
  }

  /** The list that a field answers had more entries than its bound. */
  cut(field: string): void {
    this.#cut.add(field);
  }

  readRows(count: number): void {
    this.#rowsRead = (this.#rowsRead ?? 0) + count;
  }

  /** Rows and bytes add up over the fields; the memory peak is the largest of them. */
  ranQuery(statistics: QueryStatistics): void {
    this.readRows(statistics.rowsRead);
    this.#bytesRead = (this.#bytesRead ?? 0) + statistics.bytesRead;
    if (statistics.memoryPeakBytes !== null) {
      this.#memoryPeakBytes = Math.max(this.#memoryPeakBytes ?? 0, statistics.memoryPeakBytes);
    }
  }

  /**
   * A query that read rows which whoever asked may not see: not even their number is told, but that of the
   * rows it answered; what it read counts as used.
   */
  ranUntold({ rowsRead }: QueryStatistics, rowsAnswered: number): void {
    this.readRows(rowsAnswered);
    this.#rowsUntold += Math.max(0, rowsRead - rowsAnswered);
  }

  toExtensions(): TickloomExtensions {
    return {
      ...(this.#lsn === null ? {} : { position: formatPosition(this.#lsn) }),
      class: this.#queryClass,
      elapsedMs: Math.round(this.elapsedMs * 1000) / 1000,
      ...(this.#rowsRead === null ? {} : { rowsRead: this.#rowsRead }),
      ...(this.#bytesRead === null ? {} : { bytesRead: this.#bytesRead }),
      ...(this.#memoryPeakBytes === null ? {} : { memoryPeakBytes: this.#memoryPeakBytes }),
      ...(this.#cut.size === 0 ? {} : { truncated: [...this.#cut] }),
    };
  }
}
