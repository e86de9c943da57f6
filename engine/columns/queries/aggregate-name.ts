import type { GroupAggregate } from '../column-queries.ts';

/** One name for equal aggregates; no column has such a name, nor a part of one, which has a point. */
export function aggregateName(aggregate: GroupAggregate): string {
  const q = aggregate.op === 'quantile' ? String(aggregate.q).replace('.', ',') : '';
  return `${aggregate.op}:${q}:${aggregate.column}`;
}
