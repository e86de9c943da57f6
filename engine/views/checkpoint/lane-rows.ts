import type { ColumnDefinition } from '../../model/types.ts';
import type { LaneTable } from '../sources/lane-table.ts';
import type { PartRows } from './checkpoint-part.ts';
import { uint32sOf, uint32Vector } from './part-columns.ts';

/** The keys of a table as rows, a column a lane. */
export function laneRows(table: LaneTable, columns: readonly ColumnDefinition[]): PartRows {
  return {
    columns,
    get size() {
      return table.size;
    },
    capture(from, to) {
      const lanes = table.capture(from, to);
      return (memory) => ({
        length: to - from,
        vectors: columns.map((column, lane) => uint32Vector(column, lanes(lane, memory))),
      });
    },
    load: (pieces) => table.load(pieces.map((vectors) => vectors.map(uint32sOf))),
  };
}
