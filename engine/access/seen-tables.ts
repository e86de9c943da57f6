import type { Catalog } from '../model/catalog.ts';
import type { ColumnMaskKind, RoleDefinition } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { type Claims, rowsSeen } from './claim-condition.ts';
import { decideTable } from './decide.ts';
import { allowed, type Decision, type Refused } from './decision.ts';
import { decideShow, grantOf, shownAs, showsAll } from './table-access.ts';

/** A table as somebody sees it who may read only parts of it. */
export interface SeenTable {
  readonly table: string;
  /** The rows; null for all. */
  readonly condition: Condition | null;
  /** The columns, system columns included, in the order of the table; what is hidden is not among them. */
  readonly columns: readonly SeenColumn[];
}

export interface SeenColumn {
  readonly column: string;
  readonly shown: 'plain' | ColumnMaskKind;
}

/** What somebody sees of a title: all of it, or these tables. */
export type SeenTables = 'whole' | readonly SeenTable[];

export interface Sight {
  readonly seen: SeenTables;
  /** Tables that the role might read, and why this token names no rows of them. */
  readonly unseen: ReadonlyMap<string, Refused>;
}

/** Which tables the role sees, and what of them; `whole` where nothing at all is hidden from it. */
export function sightOf(role: RoleDefinition, catalog: Catalog, claims: Claims): Sight {
  const grants = [...catalog.tables.keys()].map((table) => grantOf(role, table));
  const isWhole = grants.every(
    (grant) => grant !== null && (grant.read || grant.aggregate) && showsAll(grant),
  );
  if (isWhole) return { seen: 'whole', unseen: new Map() };
  const seenTables: SeenTable[] = [];
  const unseen = new Map<string, Refused>();
  for (const table of catalog.tables.values()) {
    const grant = grantOf(role, table.name);
    if (grant === null || !(grant.read || grant.aggregate)) continue;
    const columns = catalog.columnsOf(table);
    const seen = rowsSeen(role, table, columns, grant, claims);
    if (!('condition' in seen)) {
      unseen.set(table.name, seen);
      continue;
    }
    seenTables.push({
      table: table.name,
      condition: seen.condition,
      columns: [...columns.keys()].flatMap((column) => {
        const shown = shownAs(grant, column);
        return shown === 'hidden' ? [] : [{ column, shown }];
      }),
    });
  }
  return { seen: seenTables, unseen };
}

/** Whether rows are filtered out of anything that is seen, so that not even their number may be told. */
export function hidesRows(seen: SeenTables): boolean {
  return seen !== 'whole' && seen.some(({ condition }) => condition !== null);
}

/**
 * May the role's SQL use these names? It sees no other tables and columns than its own, whatever it
 * names; this tells whoever names one that there is by which rule it is closed, as a typed field would.
 * A name that something else it sees has is no such name.
 */
export function decideNames(
  role: RoleDefinition,
  catalog: Catalog,
  { seen, unseen }: Sight,
  names: ReadonlySet<string>,
): Decision {
  if (seen === 'whole') return allowed(`the role "${role.name}" sees every table whole`);
  const open = new Set(
    seen.flatMap(({ table, columns }) => [
      table,
      `${table}_history`,
      ...columns.map(({ column }) => column),
    ]),
  );
  const isClosed = (name: string) => names.has(name) && !open.has(name);
  for (const table of catalog.tables.values()) {
    if (!isClosed(table.name) && !isClosed(`${table.name}_history`)) continue;
    const { read, aggregate } = grantOf(role, table.name) ?? {};
    if (read === true || aggregate === true) {
      const reason = unseen.get(table.name);
      if (reason !== undefined) return reason;
      continue;
    }
    const decision = decideTable(role, table.name, 'read');
    if (!decision.allowed) return decision;
  }
  for (const { table: name } of seen) {
    const table = catalog.table(name);
    for (const column of catalog.columnsOf(table).keys()) {
      if (!isClosed(column)) continue;
      const decision = decideShow(role, table, column);
      if (!decision.allowed) return decision;
    }
  }
  return allowed(`the role "${role.name}" sees what this names`);
}
