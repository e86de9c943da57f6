import type {
  ColumnMaskKind,
  RoleDefinition,
  TableDefinition,
  TableGrant,
} from '../model/types.ts';
import { allowed, type Decision, refused } from './decision.ts';

/** How a column is shown: as it is, not at all, or as something else in its place. */
export type ColumnShown = 'plain' | 'hidden' | ColumnMaskKind;

/** What one role may do with one table, as the manifest says; null: nothing. */
export function grantOf(role: RoleDefinition, table: string): TableGrant | null {
  return role.tables.find((grant) => grant.table === table) ?? null;
}

/** How the role sees a column of a table that it may read. */
export function shownAs(grant: TableGrant, column: string): ColumnShown {
  if (grant.hidden?.includes(column)) return 'hidden';
  return grant.masked?.find((mask) => mask.column === column)?.as ?? 'plain';
}

/** Whether all columns are shown as they are. */
export function showsAllColumns(grant: TableGrant): boolean {
  return (grant.hidden ?? []).length === 0 && (grant.masked ?? []).length === 0;
}

/** Whether the role sees the whole table: every row, every column as it is. */
export function showsAll(grant: TableGrant): boolean {
  return grant.rowFilter === null && showsAllColumns(grant);
}

/** Whether any rule of the role is about single columns, so that ticks have to be looked at. */
export function hasColumnRules(role: RoleDefinition): boolean {
  return role.tables.some((grant) => grant.writable !== undefined || !showsAllColumns(grant));
}

/**
 * May the role's question rest on these columns: conditions, orders, groups, aggregates, columns of an
 * export? Only on what it sees as it is: a condition on a hidden column, or on what stands behind a
 * mask, would tell its value question by question.
 */
export function decideUse(
  role: RoleDefinition,
  table: TableDefinition,
  columns: Iterable<string>,
): Decision {
  const grant = grantOf(role, table.name);
  for (const name of columns) {
    // A part is named by its column: `place.x`.
    const column = name.split('.', 1)[0] as string;
    const shown = grant === null ? 'hidden' : shownAs(grant, column);
    if (shown === 'plain') continue;
    const how = shown === 'hidden' ? 'hides' : 'masks';
    return refused(
      `the role "${role.name}" ${how} the column "${column}" of the table "${table.name}": nothing may be asked of it`,
      { table: table.name, column },
    );
  }
  return allowed(`the role "${role.name}" sees these columns of "${table.name}" as they are`);
}

/** May the role see the column's value in an answer, if masked? */
export function decideShow(role: RoleDefinition, table: TableDefinition, column: string): Decision {
  const grant = grantOf(role, table.name);
  const shown = grant === null ? 'hidden' : shownAs(grant, column);
  if (shown === 'hidden') {
    return refused(
      `the role "${role.name}" may not see the column "${column}" of the table "${table.name}"`,
      { table: table.name, column },
    );
  }
  return allowed(
    shown === 'plain'
      ? `the role "${role.name}" sees "${column}" as it is`
      : `the role "${role.name}" sees "${column}" masked (${shown})`,
  );
}

/**
 * May the role write these columns of the table? The key is not among them: it says which row. An
 * effect that makes or deletes a row is of the whole row, which a role of single columns may not.
 */
export function decideColumnWrites(
  role: RoleDefinition,
  table: TableDefinition,
  write: {
    readonly right: 'append' | 'write';
    readonly wholeRow: boolean;
    readonly columns: Iterable<string>;
  },
): Decision {
  const { right } = write;
  const grant = grantOf(role, table.name);
  if (!grant?.write && !(right === 'append' && grant?.append)) {
    return refused(`the role "${role.name}" lacks "${right}" on the table "${table.name}"`, {
      table: table.name,
      right,
    });
  }
  const { writable } = grant;
  if (writable === undefined) return allowed(`the role "${role.name}" writes "${table.name}"`);
  if (write.wholeRow) {
    return refused(
      `the role "${role.name}" writes single columns of "${table.name}" and so may neither make nor delete its rows`,
      { table: table.name, right: 'write', columns: writable },
    );
  }
  for (const column of write.columns) {
    if (writable.includes(column)) continue;
    return refused(
      `the role "${role.name}" may not write the column "${column}" of the table "${table.name}"; it may write ${writable.join(', ')}`,
      { table: table.name, column },
    );
  }
  return allowed(`the role "${role.name}" writes these columns of "${table.name}"`);
}
