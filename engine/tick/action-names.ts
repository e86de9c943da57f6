import { LRUCache } from 'lru-cache';
import { limits } from '../model/limits.ts';
import { type BinaryVector, type ColumnBatch, valueAt } from '../vectors/column-vector.ts';

/** The ids of recent ticks' actions, to name the writer that stands in the way of a conflict. */
export class ActionNames {
  /** By position; looking one up does not keep it longer. */
  readonly #byLsn = new LRUCache<number, BinaryVector>({
    max: limits.actionNamesTicksMax,
    maxSize: limits.actionNamesBytesMax,
    sizeCalculation: ({ offsets, data }) => offsets.byteLength + data.byteLength,
  });

  remember(lsn: number, actions: ColumnBatch): void {
    const ids = actions.vectors[0];
    if (ids?.layout !== 'binary' || ids.length === 0) return;
    // A copy: the vector may share the memory of a whole request.
    const offsets = ids.offsets.slice(0, ids.length + 1);
    this.#byLsn.set(lsn, { ...ids, offsets, data: ids.data.slice(0, offsets[ids.length]) });
  }

  /** Null when the tick is not among the recent ones. */
  find(lsn: number, action: number): string | null {
    const ids = this.#byLsn.peek(lsn);
    return ids && action < ids.length ? (valueAt(ids, action) as string) : null;
  }
}
