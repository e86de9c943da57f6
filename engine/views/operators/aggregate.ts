import { kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition, Value, ViewAggregate } from '../../model/types.ts';
import type { PartRows } from '../checkpoint/checkpoint-part.ts';
import type { Sign, SourceRows, ViewSource } from '../sources/source-rows.ts';
import { CountAggregate } from './count-aggregate.ts';
import { CountDistinctAggregate } from './count-distinct-aggregate.ts';
import { KeptDistinctAggregate } from './distinct-kept.ts';
import { createExtreme } from './extreme.ts';
import { KeptExtremeAggregate } from './extreme-kept.ts';
import { ExactSumAggregate } from './sum-exact.ts';
import { FloatSumAggregate } from './sum-float.ts';
import { IntegerSumAggregate } from './sum-integer.ts';
import { SumLengthAggregate } from './sum-length.ts';
import type { ValueLane } from './value-lane.ts';

/**
 * One aggregate of a group view over all its groups. What it holds of a group lies at the group's
 * index in `lanes`; whatever copies the lanes (a ring of before-images) can show the value later.
 */
export interface Aggregate {
  readonly lanes: readonly ValueLane[];
  /** The lanes' names in a checkpoint, behind the column's; absent: it has one lane. */
  readonly laneNames?: readonly string[];
  /** What it holds of a group and nobody is shown; absent: nothing, as where rows only come. */
  readonly beside?: readonly ValueLane[];
  /**
   * Folds rows in, or (`sign` -1) takes rows back that were folded in before, in row order.
   * `groups[row]` is the row's group; the lanes have room for it. Rows with a 0 in `mask` are left
   * out. Once every row of a group is taken back, the lanes hold what they hold for a new one.
   */
  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void;
  /** The value held at `index` of lanes of the same kinds, which begin at `first` in `lanes`. */
  value(lanes: readonly ValueLane[], first: number, index: number): Value;
  /** What it holds beside its lanes, for a checkpoint; absent: nothing. */
  readonly memory?: PartRows;
  /** What `memory`, or anything else that it holds beside its lanes, takes in bytes. */
  readonly memoryBytes?: number;
}

/** Makes the aggregate; over a source that takes rows back one that can, which remembers more. */
export function createAggregate(
  definition: ViewAggregate,
  column: ColumnDefinition,
  source: ViewSource,
): Aggregate {
  if (definition.op === 'count') return new CountAggregate();
  const input = source.columns.get(definition.column);
  if (!input) throw new RangeError(`no column "${definition.column}"`);
  const takesBack = source.removed !== null;
  switch (definition.op) {
    case 'countDistinct':
      return takesBack
        ? new KeptDistinctAggregate(input, source.dictionary(input.name))
        : new CountDistinctAggregate(input);
    case 'sumLength':
      return new SumLengthAggregate(input);
    case 'sum':
      if (kindOf(column).form !== 'float') return new IntegerSumAggregate(input);
      return takesBack ? new ExactSumAggregate(input) : new FloatSumAggregate(input);
    case 'min':
    case 'max':
      return takesBack
        ? new KeptExtremeAggregate(definition.op, input, source.dictionary(input.name))
        : createExtreme(definition.op, input);
  }
}
