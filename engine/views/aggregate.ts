import type { ColumnDefinition, Value, ViewAggregate } from '../model/types.ts';
import type { PartRows } from './checkpoint-part.ts';
import { CountAggregate } from './count-aggregate.ts';
import { CountDistinctAggregate } from './count-distinct-aggregate.ts';
import { NumberExtremeAggregate } from './extreme-number.ts';
import { TextExtremeAggregate } from './extreme-text.ts';
import { WideExtremeAggregate } from './extreme-wide.ts';
import { FloatSumAggregate } from './sum-float.ts';
import { IntegerSumAggregate } from './sum-integer.ts';
import { SumLengthAggregate } from './sum-length.ts';
import type { TableSource } from './table-source.ts';
import type { ValueLane } from './value-lane.ts';

/**
 * One aggregate of a group view over all its groups. What it holds of a group lies at the group's
 * index in `lanes`; whatever copies the lanes (a ring of before-images) can show the value later.
 */
export interface Aggregate {
  readonly lanes: readonly ValueLane[];
  /** The lanes' names in a checkpoint, behind the column's; absent: it has one lane. */
  readonly laneNames?: readonly string[];
  /**
   * Folds the source's rows in, in row order. `groups[row]` is the row's group; the lanes have
   * room for it. Rows with a 0 in `mask` are left out.
   */
  fold(source: TableSource, groups: Uint32Array, mask: Uint8Array | null): void;
  /** The value held at `index` of lanes of the same kinds, which begin at `first` in `lanes`. */
  value(lanes: readonly ValueLane[], first: number, index: number): Value;
  /** What it holds beside its lanes, for a checkpoint; absent: nothing. */
  readonly memory?: PartRows;
}

export function createAggregate(
  definition: ViewAggregate,
  column: ColumnDefinition,
  source: TableSource,
): Aggregate {
  if (definition.op === 'count') return new CountAggregate();
  const input = source.columns.get(definition.column);
  if (!input) throw new RangeError(`no column "${definition.column}"`);
  switch (definition.op) {
    case 'countDistinct':
      return new CountDistinctAggregate(input);
    case 'sumLength':
      return new SumLengthAggregate(input);
    case 'sum':
      return column.kind === 'f64' ? new FloatSumAggregate(input) : new IntegerSumAggregate(input);
    case 'min':
    case 'max':
      return createExtreme(definition.op, input);
  }
}

function createExtreme(op: 'min' | 'max', input: ColumnDefinition): Aggregate {
  switch (input.kind) {
    case 'i64':
    case 'u64':
    case 'timestamp':
      return new WideExtremeAggregate(op, input);
    case 'string':
      return new TextExtremeAggregate(op, input);
    default:
      return new NumberExtremeAggregate(op, input);
  }
}
