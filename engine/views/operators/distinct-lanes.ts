import type { ColumnDefinition } from '../../model/types.ts';
import { bitAt } from '../../vectors/column-vector.ts';
import { type Lane, pickLane } from '../sources/lane-table.ts';
import type { SourceRows } from '../sources/source-rows.ts';

/** Pairs of group and value: a lane of groups, then those of the values. */
export interface DistinctLanes {
  readonly length: number;
  readonly lanes: readonly [Uint32Array, ...Lane[]];
}

/** The pairs of the rows that count: those that `mask` does not leave out and whose value is not null. */
export function distinctLanes(
  source: SourceRows,
  { name, optional }: ColumnDefinition,
  groups: Uint32Array,
  mask: Uint8Array | null,
): DistinctLanes {
  const input = source.column(name);
  const validity = input.layout === 'constant' ? null : input.validity;
  const values = source.lanes(name).slice(Number(optional));
  if (mask === null && validity === null) {
    return { length: source.length, lanes: [groups, ...values] };
  }
  const rows: number[] = [];
  for (let row = 0; row < source.length; row++) {
    if (mask !== null && mask[row] === 0) continue;
    if (validity === null || bitAt(validity, row)) rows.push(row);
  }
  const picked = values.map((lane) => (typeof lane === 'number' ? lane : pickLane(lane, rows)));
  return { length: rows.length, lanes: [pickLane(groups, rows), ...picked] };
}
