import { viewColumns } from '../../engine/manifest/view-columns.ts';
import type {
  ColumnDefinition,
  GroupViewDefinition,
  Row,
  Scalar,
  TopViewDefinition,
  Value,
  ViewAggregate,
} from '../../engine/model/types.ts';
import { compareScalars } from '../../engine/query/compare-values.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { scaledDouble, unscaledDouble } from '../../engine/views/operators/scaled-double.ts';
import { catalog } from './world.ts';

/**
 * A view worked out from scratch over all rows, without regard to cost: the oracle. Sums of floats
 * are the doubles nearest to the exact sums.
 */
export function naiveView(name: string, tables: ReadonlyMap<string, readonly Row[]>): Row[] {
  const view = catalog.views.get(name);
  if (!view) throw new Error(`no view ${name}`);
  return view.kind === 'group' ? naiveGroups(view, tables) : naiveTop(view, tables);
}

/**
 * How far a compensated sum in the order of rows may be from the nearest double: an ulp of it, and
 * what rounding the compensation loses (Ogita, Rump and Oishi, "Accurate sum and dot product", 2005,
 * proposition 4.5: |error| <= u |sum| + g^2 sum |x| with u = 2^-53, g = (n - 1) u / (1 - (n - 1) u)).
 */
export function compensatedBound(values: readonly number[]): number {
  const unit = 2 ** -53;
  const count = Math.max(values.length - 1, 0);
  const growth = (count * unit) / (1 - count * unit);
  const nearest = exactSum(values);
  const magnitude = values.reduce((sum, value) => sum + Math.abs(value), 0);
  // The bound is worked out in floats itself: a hundredth more than makes up for that.
  return (2 * unit * Math.abs(nearest) + growth * growth * magnitude) * 1.01;
}

export function exactSum(values: readonly number[]): number {
  return unscaledDouble(values.reduce((sum, value) => sum + scaledDouble(value), 0n));
}

function naiveGroups(view: GroupViewDefinition, tables: ReadonlyMap<string, readonly Row[]>) {
  const source = catalog.columnsOf(catalog.table(view.from));
  const { key, values } = viewColumns(catalog.manifest, view);
  const groups = new Map<string, { key: Row; rows: Row[] }>();
  for (const row of tables.get(view.from) ?? []) {
    const window = view.tickWindow;
    const tickWindow = window === null ? 0 : (row.tick as number) - ((row.tick as number) % window);
    const groupKey = Object.fromEntries(
      key.map(({ name }) => [name, name === 'tickWindow' ? tickWindow : (row[name] as Value)]),
    );
    const text = keyText(groupKey);
    const group = groups.get(text) ?? { key: groupKey, rows: [] };
    groups.set(text, group);
    group.rows.push(row);
  }
  const rows = Array.from(groups.values(), (group) => ({
    ...group.key,
    ...Object.fromEntries(
      view.columns.map(({ name, aggregate }, index) => {
        const matches = rowPredicate(parseWhere(source, aggregate.where, name));
        const kind = (values[index] as ColumnDefinition).kind;
        return [name, aggregateOf(aggregate, kind, group.rows.filter(matches))];
      }),
    ),
  }));
  return rows.sort((a, b) => compareKeys(key, a, b));
}

function aggregateOf(aggregate: ViewAggregate, kind: string, rows: readonly Row[]): Value {
  if (aggregate.op === 'count') return BigInt(rows.length);
  const values = rows.map((row) => row[aggregate.column] ?? null).filter((value) => value !== null);
  switch (aggregate.op) {
    case 'countDistinct':
      return BigInt(new Set(values).size);
    case 'sumLength':
      return BigInt((values as (readonly Scalar[])[]).reduce((sum, list) => sum + list.length, 0));
    case 'sum':
      if (kind === 'f64') return exactSum(values as number[]);
      return (values as (number | bigint)[]).reduce<bigint>(
        (sum, value) => sum + BigInt(value),
        0n,
      );
    case 'min':
    case 'max': {
      const sorted = (values as Scalar[]).sort(compareScalars);
      return sorted.at(aggregate.op === 'min' ? 0 : -1) ?? null;
    }
  }
}

function naiveTop(view: TopViewDefinition, tables: ReadonlyMap<string, readonly Row[]>): Row[] {
  const source = catalog.views.get(view.from) as GroupViewDefinition;
  const { key } = viewColumns(catalog.manifest, source);
  const partitionKey = key.filter(({ name }) => view.partitionBy.includes(name));
  const groups = naiveGroups(source, tables);
  const ranked = groups.toSorted(
    (a, b) =>
      compareKeys(partitionKey, a, b) ||
      -compareOrder(a[view.orderBy] ?? null, b[view.orderBy] ?? null) ||
      compareKeys(key, a, b),
  );
  const taken = new Map<string, number>();
  return ranked.filter((row) => {
    const partition = keyText(
      Object.fromEntries(partitionKey.map(({ name }) => [name, row[name] ?? null])),
    );
    const rank = (taken.get(partition) ?? 0) + 1;
    taken.set(partition, rank);
    return rank <= view.limit;
  });
}

/** Null ranks lowest. */
function compareOrder(a: Value, b: Value): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return compareScalars(a as Scalar, b as Scalar);
}

/** Nulls last, enums in the order of their values. */
function compareKeys(key: readonly ColumnDefinition[], a: Row, b: Row): number {
  for (const column of key) {
    const left = a[column.name] as Scalar | null;
    const right = b[column.name] as Scalar | null;
    if (left === right) continue;
    if (left === null || right === null) return left === null ? 1 : -1;
    if (column.kind === 'enum') {
      return column.values.indexOf(left as string) - column.values.indexOf(right as string);
    }
    const order = compareScalars(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

export function keyText(key: Row): string {
  return JSON.stringify(key, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}
