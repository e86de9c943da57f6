import {
  type ColumnShown,
  type Condition,
  conjunction,
  type Decision,
  decideCapability,
  decideColumnWrites,
  decideExport,
  decideNames,
  decideSession,
  decideShow,
  decideTable,
  decideUse,
  decideView,
  type EffectOp,
  grantOf,
  hasColumnRules,
  namedColumns,
  namesInSql,
  type Refused,
  rowsSeen,
  type SeenTables,
  shownAs,
  sightOf,
  type TableRight,
  type TickBatch,
} from '../engine/index.ts';
import type { Catalog } from '../engine/model/catalog.ts';
import { EngineError } from '../engine/model/errors.ts';
import type {
  Capability,
  ColumnDefinition,
  RoleDefinition,
  TableDefinition,
  TableGrant,
} from '../engine/model/types.ts';
import { type Asker, recordAudit } from './audited.ts';
import type { Principal, RequestContext } from './context.ts';

/**
 * What a role may do, asked of `engine/access`: every root field asks here once, before anything else.
 * What is refused is audited, and answers `FORBIDDEN` with the rule that decided.
 */

export function authoriseRole(asker: Asker): RoleDefinition {
  const { role } = asker.principal;
  if (role !== null) return role;
  return refuse(asker, {
    allowed: false,
    rule: 'the token names no role of this title',
    needs: { role: null },
  });
}

export function authoriseCapability(asker: Asker, capability: Capability): RoleDefinition {
  return held(asker, (role) => decideCapability(role, capability));
}

export function authoriseTable(asker: Asker, table: string, right: TableRight): TableGrant {
  const role = held(asker, (asking) => decideTable(asking, table, right));
  return grantOf(role, table) as TableGrant;
}

export function authoriseView(asker: Asker, view: string): RoleDefinition {
  return held(asker, (role) => decideView(role, view));
}

/** Whoever may not commit at all need not send what it would commit. */
export function authoriseCommit(asker: Asker): void {
  authoriseCapability(asker, 'commit');
}

/**
 * A tick or direct write: the right to write each table it touches, and the columns it sets; and to
 * see those that its conditions ask of, as a guard on a hidden column would tell it verdict by verdict.
 */
export function authoriseBatch(
  asker: Asker,
  { actions, streams }: TickBatch,
  catalog: Catalog,
): void {
  authoriseCommit(asker);
  if (actions.length > 0) authoriseTable(asker, catalog.actionTable.name, 'append');
  for (const stream of streams) authoriseTable(asker, stream.table.name, rightTo(stream.op));
  const role = authoriseRole(asker);
  if (!hasColumnRules(role)) return;
  for (const { table, op, rows, require } of streams) {
    const written = rows.vectors.map(({ column }) => column.name);
    const columns = written.filter((column) => !table.key.includes(column));
    const wholeRow = op !== 'compareAndSet' && op !== 'adjust';
    const right = rightTo(op);
    held(asker, () => decideColumnWrites(role, table, { right, wholeRow, columns }));
    if (require !== null) held(asker, () => decideUse(role, table, namedColumns(require.form)));
  }
}

/** To add a row is less than to write: none that is there is changed by it. */
function rightTo(op: EffectOp): 'append' | 'write' {
  return op === 'append' || op === 'insert' ? 'append' : 'write';
}

/** Who may see a session's head. */
export function authoriseSession(asker: Asker): RoleDefinition {
  return held(asker, decideSession);
}

/** SQL: the capability. Answers what of the title it sees, whatever else the text may name. */
export function authoriseSql(context: RequestContext, query: string): SeenTables {
  const role = authoriseCapability(context, 'sql');
  const { catalog } = context.engine;
  const sight = sightOf(role, catalog, context.principal.claims);
  if (sight.seen === 'whole') return sight.seen;
  const names = namesInSql(query);
  held(context, () => decideNames(role, catalog, sight, names));
  for (const { table, columns } of sight.seen) {
    for (const { column, shown } of columns) {
      if (shown === 'hash' && names.has(column)) authorisePseudonyms(context, table, column);
    }
  }
  return sight.seen;
}

/** Where pseudonyms cannot be made, SQL and exports do not have the columns that the role sees as such. */
export function authorisePseudonyms(context: RequestContext, table: string, column: string): void {
  if (context.engine.columns.makesPseudonyms) return;
  refuse(context, {
    allowed: false,
    rule: `the role sees "${column}" as pseudonyms, which SQL and exports have only where ClickHouse is embedded: another server would have to be told their key`,
    needs: { table, column },
  });
}

/** An export of a table: the capability, and the right to read or aggregate its rows. */
export function authoriseTableExport(asker: Asker, table: string): TableGrant {
  const role = held(asker, (asking) => decideExport(asking, table));
  return grantOf(role, table) as TableGrant;
}

/** What a question rests on: conditions, orders, groups, aggregates. The role must see it as it is. */
export function authoriseUse(
  asker: Asker,
  table: TableDefinition,
  columns: Iterable<string>,
): void {
  held(asker, (role) => decideUse(role, table, columns));
}

/** How the value of a column is shown in an answer; asked for each value, so it refuses alone what it must. */
export function authoriseShow(asker: Asker, table: TableDefinition, column: string): ColumnShown {
  const { role } = asker.principal;
  const grant = role === null ? null : grantOf(role, table.name);
  const shown = grant === null ? 'hidden' : shownAs(grant, column);
  if (shown === 'hidden') held(asker, (asking) => decideShow(asking, table, column));
  return shown;
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

/** The rows of the table that the principal may see, as a condition; null for all. */
export function rowRuleOf(
  asker: Asker,
  table: TableDefinition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  grant: TableGrant,
): Condition | null {
  const role = authoriseRole(asker);
  const seen = rowsSeen(role, table, columns, grant, asker.principal.claims);
  return 'condition' in seen ? seen.condition : refuse(asker, seen);
}

/** The condition that holds where both hold; null holds always. */
export function bothOf(first: Condition | null, second: Condition | null): Condition | null {
  if (first === null || second === null) return first ?? second;
  return conjunction([first, second]);
}

function held(asker: Asker, decide: (role: RoleDefinition) => Decision): RoleDefinition {
  const role = authoriseRole(asker);
  const decision = decide(role);
  return decision.allowed ? role : refuse(asker, decision);
}

function refuse(asker: Asker, { rule, needs }: Refused): never {
  const { table = null } = needs;
  recordAudit(asker, 'access.denied', 'refused', {
    code: 'FORBIDDEN',
    table: table as string | null,
    details: needs,
  });
  throw new EngineError('FORBIDDEN', rule, { details: needs });
}
