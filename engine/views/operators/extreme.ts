import type { ColumnDefinition } from '../../model/types.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberExtremeAggregate } from './extreme-number.ts';
import { TextExtremeAggregate } from './extreme-text.ts';
import { WideExtremeAggregate } from './extreme-wide.ts';

/** The least or greatest value of rows that only come. */
export function createExtreme(op: 'min' | 'max', input: ColumnDefinition): Aggregate {
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
