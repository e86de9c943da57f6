import type { Catalog } from '../model/catalog.ts';
import type { RoleDefinition, Row, TableDefinition } from '../model/types.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { type Claims, rowsSeen, ruleInWords } from './claim-condition.ts';
import { decideTable, type TableRight } from './decide.ts';
import { type ColumnShown, grantOf, shownAs } from './table-access.ts';

const tableRights: readonly TableRight[] = ['read', 'aggregate', 'append', 'write'];

/** Why a role may, or may not, see a table and a row of it. */
export interface AccessExplanation {
  /** Whether the role may read the row; of no row in particular: any row of the table. */
  readonly visible: boolean;
  /** The rule that decided, in words. */
  readonly rule: string;
  /** Each right, and the rule that decided it. */
  readonly rights: readonly {
    readonly right: TableRight;
    readonly allowed: boolean;
    readonly rule: string;
  }[];
  /** How the role sees each column of the rows it may read. */
  readonly columns: readonly { readonly column: string; readonly shown: ColumnShown }[];
}

/** `row`: the row that is asked about, null where there is none under the key; absent: none is asked about. */
export function explainAccess(
  catalog: Catalog,
  role: RoleDefinition,
  claims: Claims,
  table: TableDefinition,
  row?: Row | null,
): AccessExplanation {
  const columns = catalog.columnsOf(table);
  const grant = grantOf(role, table.name);
  const decisions = tableRights.map((right) => {
    const { allowed, rule } = decideTable(role, table.name, right);
    return { right, allowed, rule };
  });
  const names = [...columns.keys()];
  return {
    ...visibility(catalog, role, claims, table, row),
    rights: decisions,
    columns: names.map((column) => ({
      column,
      shown: grant === null ? 'hidden' : shownAs(grant, column),
    })),
  };
}

function visibility(
  catalog: Catalog,
  role: RoleDefinition,
  claims: Claims,
  table: TableDefinition,
  row: Row | null | undefined,
): Pick<AccessExplanation, 'visible' | 'rule'> {
  const read = decideTable(role, table.name, 'read');
  const grant = grantOf(role, table.name);
  if (!read.allowed || grant === null) return { visible: false, rule: read.rule };
  const seen = rowsSeen(role, table, catalog.columnsOf(table), grant, claims);
  if (!('condition' in seen)) return { visible: false, rule: seen.rule };
  if (row === null) return { visible: false, rule: 'there is no row under this key' };
  if (seen.condition === null || grant.rowFilter === null) {
    return { visible: true, rule: `${read.rule}, and no rule for rows` };
  }
  const rule = `the role "${role.name}" sees rows of "${table.name}" ${ruleInWords(grant.rowFilter)}`;
  if (row === undefined) return { visible: true, rule };
  const visible = rowPredicate(seen.condition)(row);
  return { visible, rule: visible ? rule : `${rule}; this row's does not` };
}
