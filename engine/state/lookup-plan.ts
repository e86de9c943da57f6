import type { Row, Scalar, TableDefinition } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { fixedValues } from '../query/fixed-values.ts';

/** How the rows that may meet a condition are found; the condition itself is still to be applied. */
export type LookupPlan =
  | { readonly kind: 'keys'; readonly keys: readonly Row[] }
  | { readonly kind: 'index'; readonly index: string; readonly probes: readonly Row[] }
  | { readonly kind: 'scan'; readonly advice: string };

/** Keys or index groups that one lookup may try (`in` lists multiply). */
const probesMax = 10_000;

/** The key if the condition fixes all its columns, else the first index of which it does, else a scan. */
export function planLookup(table: TableDefinition, where: Condition | null): LookupPlan {
  const fixed = fixedValues(where);
  const keys = combinations(table.key, fixed);
  if (keys) return { kind: 'keys', keys };
  for (const index of table.indexes) {
    const probes = combinations(index.columns, fixed);
    if (probes) return { kind: 'index', index: index.name, probes };
  }
  return { kind: 'scan', advice: adviceOf(table, fixed) };
}

/** The lookup through one index; null where the condition does not fix its columns. */
export function planIndex(
  table: TableDefinition,
  name: string,
  where: Condition,
): LookupPlan | null {
  const index = table.indexes.find((candidate) => candidate.name === name);
  const probes = index ? combinations(index.columns, fixedValues(where)) : null;
  return probes ? { kind: 'index', index: name, probes } : null;
}

function combinations(
  columns: readonly string[],
  fixed: ReadonlyMap<string, readonly Scalar[]>,
): Row[] | null {
  let rows: Row[] = [{}];
  for (const column of columns) {
    const values = fixed.get(column);
    if (!values || rows.length * values.length > probesMax) return null;
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [column]: value })));
  }
  return rows;
}

/** What to give, or declare, so that no scan is needed. */
export function adviceFor(table: TableDefinition, where: Condition | null): string {
  return adviceOf(table, fixedValues(where));
}

function adviceOf(table: TableDefinition, fixed: ReadonlyMap<string, readonly Scalar[]>): string {
  const ways = [table.key, ...table.indexes.map((index) => index.columns)];
  const given = `give ${ways.map((columns) => columns.join(' and ')).join(', or ')} by eq or in`;
  if (fixed.size === 0) return given;
  const wanted = [...fixed.keys()].join(', ');
  return `${given}, or declare an index on (${wanted})`;
}
