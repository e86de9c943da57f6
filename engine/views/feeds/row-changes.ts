import type { Value } from '../../model/types.ts';
import type { PinnedValue } from '../../query/fixed-values.ts';
import type { RowChange } from './feed-source.ts';

/** What happened to rows over a range of ticks, for all channels of a feed. */
export class RowChanges {
  readonly all: readonly RowChange[];
  readonly #byColumn = new Map<string, Map<Value, RowChange[]>>();

  constructor(all: readonly RowChange[]) {
    this.all = all;
  }

  /** The changes of rows that have the value, or had it before; in the order of `all`. */
  of({ column, value }: PinnedValue): readonly RowChange[] {
    let byValue = this.#byColumn.get(column);
    if (!byValue) {
      byValue = byValueOf(this.all, column);
      this.#byColumn.set(column, byValue);
    }
    return byValue.get(value) ?? [];
  }
}

/** The values of a column in changed rows, before and after. */
export function* valuesOf(changes: readonly RowChange[], column: string): Iterable<Value> {
  for (const { before, after } of changes) {
    const is = after?.[column] ?? null;
    const was = before?.[column] ?? null;
    if (is !== null) yield is;
    if (was !== null && was !== is) yield was;
  }
}

function byValueOf(all: readonly RowChange[], column: string): Map<Value, RowChange[]> {
  const byValue = new Map<Value, RowChange[]>();
  for (const change of all) {
    for (const value of valuesOf([change], column)) {
      const changes = byValue.get(value);
      if (changes) changes.push(change);
      else byValue.set(value, [change]);
    }
  }
  return byValue;
}
