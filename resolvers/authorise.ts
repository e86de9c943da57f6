import { type Condition, coerceScalar, conjunction } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { isNumeric, kindOf } from '../engine/model/kinds.ts';
import type {
  Capability,
  ColumnDefinition,
  RoleDefinition,
  TableDefinition,
  TableGrant,
} from '../engine/model/types.ts';
import { type Asker, recordAudit } from './audited.ts';
import type { Principal } from './context.ts';

/**
 * What a role may do. Every root field asks here once, before anything else; the fields below it
 * need not ask again. Nothing is allowed that the manifest does not grant.
 */

export type TableRight = 'read' | 'aggregate' | 'write';

export function authoriseRole(asker: Asker): RoleDefinition {
  const { role } = asker.principal;
  return role ?? refuse(asker, 'the token names no role of this title', { needs: 'role' });
}

export function authoriseCapability(asker: Asker, capability: Capability): RoleDefinition {
  const role = authoriseRole(asker);
  if (!role.capabilities.includes(capability)) {
    refuse(asker, `the role "${role.name}" lacks the capability "${capability}"`, { capability });
  }
  return role;
}

export function authoriseTable(asker: Asker, table: string, right: TableRight): TableGrant {
  const role = authoriseRole(asker);
  const grant = grantOf(role, table);
  if (!grant?.[right]) {
    return refuse(asker, `the role "${role.name}" lacks "${right}" on the table "${table}"`, {
      table,
      right,
    });
  }
  return grant;
}

export function authoriseView(asker: Asker, view: string): RoleDefinition {
  const role = authoriseRole(asker);
  if (!role.views.includes(view)) {
    refuse(asker, `the role "${role.name}" may not read the view "${view}"`, { view });
  }
  return role;
}

/** A tick or direct write: the capability to commit, and the right to write each table it touches. */
export function authoriseCommit(asker: Asker, tables: Iterable<string>): void {
  authoriseCapability(asker, 'commit');
  for (const table of tables) authoriseTable(asker, table, 'write');
}

/**
 * Who may see a session's head: who runs sessions or commits ticks, and who reads any view or any
 * table without a row rule. A player who sees only rows of its own learns of ticks from those.
 */
export function authoriseSession(asker: Asker): RoleDefinition {
  const role = authoriseRole(asker);
  const runsSessions = role.capabilities.some((held) => held === 'session' || held === 'commit');
  const reads =
    role.views.length > 0 ||
    role.tables.some((grant) => (grant.read || grant.aggregate) && grant.rowFilter === null);
  return runsSessions || reads
    ? role
    : refuse(asker, `the role "${role.name}" may not see sessions`, { capability: 'session' });
}

/**
 * SQL may name any table, so it needs every table: a role with rows hidden from it, or whole
 * tables, gets none of it.
 */
export function authoriseSql(asker: Asker, tables: Iterable<string>): RoleDefinition {
  const role = authoriseCapability(asker, 'sql');
  for (const table of tables) {
    const grant = grantOf(role, table);
    if (!grant || !(grant.read || grant.aggregate) || grant.rowFilter !== null) {
      refuse(
        asker,
        `SQL reads every table; the role "${role.name}" may not read all of "${table}"`,
        {
          table,
          right: 'aggregate',
        },
      );
    }
  }
  return role;
}

/** An export of a table: the capability, and the right to read or aggregate its rows. */
export function authoriseTableExport(asker: Asker, table: string): TableGrant {
  const role = authoriseCapability(asker, 'export');
  const grant = grantOf(role, table);
  if (!grant || !(grant.read || grant.aggregate)) {
    return refuse(asker, `the role "${role.name}" lacks "read" on the table "${table}"`, {
      table,
      right: 'read',
    });
  }
  return grant;
}

/** Whether the role may see rows of the table at all, without an error. */
export function mayRead(principal: Principal, table: string): boolean {
  return principal.role !== null && grantOf(principal.role, table)?.read === true;
}

/** Whether the role may learn which rows there are: in lists, or as groups by key. */
export function maySeeKeys(principal: Principal, table: string): boolean {
  const grant = principal.role && grantOf(principal.role, table);
  return grant ? (grant.read || grant.aggregate) && grant.rowFilter === null : false;
}

/**
 * The rows of the table the principal may see, as a condition; null for all. A claim that is missing
 * or does not fit the column is refused: it names no rows.
 */
export function rowRuleOf(
  asker: Asker,
  table: TableDefinition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  grant: TableGrant,
): Condition | null {
  if (grant.rowFilter === null) return null;
  const { column: columnName, claim } = grant.rowFilter;
  const column = columns.get(columnName);
  if (!column) throw new RangeError(`no column "${columnName}" in table "${table.name}"`);
  try {
    const value = coerceScalar(column, claimAs(column, asker.principal.claims[claim]), claim);
    return { kind: 'compare', column: columnName, op: 'eq', value };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return refuse(asker, `rows of "${table.name}" need the token's claim "${claim}"`, { claim });
  }
}

/** The condition that holds where both hold; null holds always. */
export function bothOf(first: Condition | null, second: Condition | null): Condition | null {
  if (first === null || second === null) return first ?? second;
  return conjunction([first, second]);
}

function grantOf(role: RoleDefinition, table: string): TableGrant | undefined {
  return role.tables.find((grant) => grant.table === table);
}

/** Issuers often write numbers as strings. */
function claimAs(column: ColumnDefinition, claim: unknown): unknown {
  const isNumber = isNumeric(column) && kindOf(column).wideRange === null;
  return isNumber && typeof claim === 'string' && /^-?\d+(\.\d+)?$/.test(claim)
    ? Number(claim)
    : claim;
}

function refuse(asker: Asker, message: string, needs: Readonly<Record<string, unknown>>): never {
  const { table = null } = needs;
  recordAudit(asker, 'access.denied', 'refused', {
    code: 'FORBIDDEN',
    table: table as string | null,
    details: needs,
  });
  throw new EngineError('FORBIDDEN', message, { details: needs });
}
