import type { Group, GroupAggregate, GroupsRequest } from '../../engine/columns/column-queries.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { Row, Scalar, Value } from '../../engine/model/types.ts';
import { compareScalars } from '../../engine/query/compare-values.ts';
import type { OrderBy } from '../../engine/state/state-reader.ts';

/** Rows in the order of a list: nulls last in both directions, then by the table's own order. */
export function naiveList(
  catalog: Catalog,
  tableName: string,
  rows: readonly Row[],
  orderBy: readonly OrderBy[],
): Row[] {
  const table = catalog.table(tableName);
  const key = table.kind === 'state' ? table.key : ['sessionId', 'tick', 'seq'];
  const order = [...orderBy, ...key.map((column) => ({ column, direction: 'ASC' as const }))];
  return [...rows].sort((a, b) => compareBy(order, a, b));
}

function compareBy(order: readonly OrderBy[], a: Row, b: Row): number {
  for (const { column, direction } of order) {
    const left = a[column] ?? null;
    const right = b[column] ?? null;
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
      continue;
    }
    const sign = compareScalars(left as Scalar, right as Scalar);
    if (sign !== 0) return direction === 'ASC' ? sign : -sign;
  }
  return 0;
}

export function naiveGroups(
  catalog: Catalog,
  rows: readonly Row[],
  request: GroupsRequest,
): Group[] {
  const table = catalog.table(request.table);
  const found = new Map<string, { key: Row; members: Row[] }>();
  for (const row of rows) {
    const key: Record<string, Value> = {};
    for (const name of request.by) key[name] = row[name] ?? null;
    if (request.tickBucket !== null) {
      key.tickBucket = Math.floor(Number(row.tick) / request.tickBucket) * request.tickBucket;
    }
    const text = JSON.stringify(Object.values(key), (_, value) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    const group = found.get(text) ?? { key, members: [] };
    group.members.push(row);
    found.set(text, group);
  }
  if (found.size === 0 && request.by.length === 0 && request.tickBucket === null) {
    found.set('', { key: {}, members: [] });
  }
  const groups = [...found.values()].map(({ key, members }) => ({
    key,
    count: BigInt(members.length),
    values: request.aggregates.map((aggregate) =>
      naiveAggregate(
        aggregate,
        catalog.column(table, aggregate.column).kind,
        inOrderOfCommit(members)
          .map((row) => row[aggregate.column] ?? null)
          .filter((value) => value !== null),
        catalog.column(table, aggregate.column).optional,
      ),
    ),
  }));
  const keyOrder = Object.keys(groups[0]?.key ?? {}).map((column) => ({
    column,
    direction: 'ASC' as const,
  }));
  return groups.sort((a, b) =>
    compareBy(
      [...request.orderBy, ...keyOrder],
      { ...a.key, count: a.count },
      { ...b.key, count: b.count },
    ),
  );
}

function inOrderOfCommit(rows: readonly Row[]): Row[] {
  const lsnOf = (row: Row) => Number(String(row.position).split(':')[1]);
  const placeOf = (row: Row) => [lsnOf(row), Number(row.seq ?? 0), Number(row.unitId ?? 0)];
  return [...rows].sort((a, b) => {
    const [left, right] = [placeOf(a), placeOf(b)];
    const i = left.findIndex((value, at) => value !== right[at]);
    return i < 0 ? 0 : (left[i] ?? 0) - (right[i] ?? 0);
  });
}

function naiveAggregate(
  aggregate: GroupAggregate,
  kind: string,
  values: readonly Exclude<Value, null>[],
  optional: boolean,
): Value {
  const sorted = [...values].sort((a, b) => compareScalars(a as Scalar, b as Scalar));
  const isFloat = kind === 'f32' || kind === 'f64';
  switch (aggregate.op) {
    case 'countDistinct':
      return BigInt(new Set(values).size);
    case 'sum':
      if (values.length === 0 && optional) return null;
      return isFloat
        ? values.reduce((sum: number, value) => sum + (value as number), 0)
        : values.reduce((sum: bigint, value) => sum + BigInt(value as number | bigint), 0n);
    case 'avg':
      if (values.length === 0) return null;
      return values.reduce((sum: number, value) => sum + Number(value), 0) / values.length;
    case 'stddev': {
      if (values.length < 2) return null;
      const numbers = values.map(Number);
      const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
      const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return Math.sqrt(squares / (numbers.length - 1));
    }
    case 'first':
      return values[0] ?? null;
    case 'last':
      return values.at(-1) ?? null;
    case 'min':
      return sorted[0] ?? null;
    case 'max':
      return sorted.at(-1) ?? null;
    case 'quantile': {
      if (sorted.length === 0) return null;
      const at = aggregate.q * (sorted.length - 1);
      const low = Number(sorted[Math.floor(at)]);
      const high = Number(sorted[Math.ceil(at)]);
      return low + (high - low) * (at - Math.floor(at));
    }
  }
}
