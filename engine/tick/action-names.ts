import { limits } from '../model/limits.ts';
import type { ColumnBatch, ColumnVector } from '../vectors/column-vector.ts';
import { valueAt } from '../vectors/column-vector.ts';

/** The ids of recent ticks' actions, to name the writer that stands in the way of a conflict. */
export class ActionNames {
  readonly #byLsn = new Map<number, ColumnVector>();
  #bytes = 0;

  remember(lsn: number, actions: ColumnBatch): void {
    const ids = actions.vectors[0];
    if (ids?.layout !== 'binary' || ids.length === 0) return;
    // A copy: the vector may share the memory of a whole request.
    const offsets = ids.offsets.slice(0, ids.length + 1);
    const copy = { ...ids, offsets, data: ids.data.slice(0, offsets[ids.length]) };
    this.#byLsn.set(lsn, copy);
    this.#bytes += byteLength(copy);
    for (const [oldest, vector] of this.#byLsn) {
      const isOver =
        this.#byLsn.size > limits.actionNamesTicksMax || this.#bytes > limits.actionNamesBytesMax;
      if (!isOver) break;
      this.#byLsn.delete(oldest);
      this.#bytes -= byteLength(vector);
    }
  }

  /** Null when the tick is not among the recent ones. */
  find(lsn: number, action: number): string | null {
    const ids = this.#byLsn.get(lsn);
    return ids && action < ids.length ? (valueAt(ids, action) as string) : null;
  }
}

function byteLength(vector: ColumnVector): number {
  return vector.layout === 'binary' ? vector.offsets.byteLength + vector.data.byteLength : 0;
}
