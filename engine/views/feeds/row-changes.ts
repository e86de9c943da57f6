import { stepUnits, type Work } from '../../govern/work.ts';
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
  *of({ column, value }: PinnedValue): Work<readonly RowChange[]> {
    let byValue = this.#byColumn.get(column);
    if (!byValue) {
      byValue = yield* byValueOf(this.all, column);
      this.#byColumn.set(column, byValue);
    }
    return byValue.get(value) ?? [];
  }
}

function* byValueOf(all: readonly RowChange[], column: string): Work<Map<Value, RowChange[]>> {
  const byValue = new Map<Value, RowChange[]>();
  const add = (value: Value, change: RowChange): void => {
    const changes = byValue.get(value);
    if (changes) changes.push(change);
    else byValue.set(value, [change]);
  };
  let units = 0;
  for (const change of all) {
    const is = change.after?.[column] ?? null;
    const was = change.before?.[column] ?? null;
    if (is !== null) add(is, change);
    if (was !== null && was !== is) add(was, change);
    units += indexUnits;
    if (units < stepUnits) continue;
    yield units;
    units = 0;
  }
  return byValue;
}

/** What looking a row up and putting it to its value costs, in units of about a comparison. */
const indexUnits = 8;
