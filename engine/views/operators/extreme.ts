import { isWide, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberExtremeAggregate } from './extreme-number.ts';
import { TextExtremeAggregate } from './extreme-text.ts';
import { WideExtremeAggregate } from './extreme-wide.ts';

/** The least or greatest value of rows that only come. */
export function createExtreme(op: 'min' | 'max', input: ColumnDefinition): Aggregate {
  if (kindOf(input).layout === 'binary') return new TextExtremeAggregate(op, input);
  return isWide(input)
    ? new WideExtremeAggregate(op, input)
    : new NumberExtremeAggregate(op, input);
}
