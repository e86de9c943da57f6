import {
  type AccessControl,
  type AppendGuard,
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
import { ruleOfStored, seesValues, sightOfStored } from './stored-personal.ts';

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

/**
 * Whoever may not commit at all need not send what it would commit. A role of which that was taken away
 * while the title ran may, to learn what became of the ticks that it has sent: `engine.commit` answers
 * those that are there already, and `appendGuard` refuses the others.
 */
export function authoriseCommit(asker: Asker, catalog: Catalog): void {
  const ofManifest = catalog.roles.get(asker.principal.role?.name ?? '');
  if (ofManifest?.capabilities.includes('commit')) return;
  authoriseCapability(asker, 'commit');
}

type BatchAsker = Asker & Pick<RequestContext, 'engine'>;

/**
 * Has `decide` asked as a record is appended, of the roles that hold there: those in force, and those
 * of a change that it would come after. It is asked again only where something was ruled meanwhile.
 */
export function appendGuard(
  { principal, audit, ticket }: Asker,
  access: AccessControl,
  decide: (asker: Asker) => void,
): AppendGuard {
  const { subject, role, issuedAtMs = null } = principal;
  let decidedAt: number | null = null;
  return () => {
    if (decidedAt === access.version) return;
    if (access.isRevoked(subject, issuedAtMs)) {
      throw new EngineError('UNAUTHENTICATED', 'the token was revoked in this title');
    }
    for (const roles of access.rolesToMeet) {
      const held = role === null ? null : (roles.get(role.name) ?? null);
      decide({
        principal: held === role ? principal : { ...principal, role: held },
        audit,
        ticket,
      });
    }
    decidedAt = access.version;
  };
}

/**
 * A tick or direct write: the right to write each table it touches, and the columns it sets; and to
 * see those that its conditions ask of, as a guard on a hidden column would tell it verdict by verdict.
 */
export function authoriseBatch(
  asker: BatchAsker,
  { actions, streams }: TickBatch,
  catalog: Catalog,
): void {
  authoriseCapability(asker, 'commit');
  if (actions.length > 0) authoriseTable(asker, catalog.actionTable.name, 'append');
  for (const stream of streams) authoriseTable(asker, stream.table.name, rightTo(stream.op));
  const role = authoriseRole(asker);
  for (const { table, require } of streams) authorisePersonalRequire(asker, table, require);
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

/** Verdicts would tell values of persons to whoever may not see them. */
function authorisePersonalRequire(
  asker: BatchAsker,
  table: TableDefinition,
  require: TickBatch['streams'][number]['require'],
): void {
  if (require === null || !asker.engine.personal.hasColumns || seesValues(asker)) return;
  const named = namedColumns(require.form);
  const isAsked = table.columns.some(
    ({ name, personal }) => personal !== undefined && named.includes(name),
  );
  if (isAsked) authoriseCapability(asker, 'personal');
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
  return sightOfStored(context, sight.seen);
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
  asker: Asker & Pick<RequestContext, 'engine'>,
  table: TableDefinition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  grant: TableGrant,
): Condition | null {
  const role = authoriseRole(asker);
  const seen = rowsKnown(role, table, columns, grant, asker.principal.claims);
  return 'condition' in seen ? ruleOfStored(asker, seen.condition, columns) : refuse(asker, seen);
}

type RowsSeen = ReturnType<typeof rowsSeen>;
type Columns = Parameters<typeof rowsSeen>[2];

/**
 * The rows that each token's claims name under a grant. A token's claims are one object for as long as
 * it is remembered, and a grant that is ruled anew is another object, so neither outlives what it is of.
 */
const known = new WeakMap<
  Principal['claims'],
  WeakMap<TableGrant, { readonly columns: Columns; readonly seen: RowsSeen }>
>();

/** `rowsSeen`, worked out once a token: a rule is parsed with the token's values in it. */
function rowsKnown(
  ...[role, table, columns, grant, claims]: Parameters<typeof rowsSeen>
): RowsSeen {
  let ofToken = known.get(claims);
  if (ofToken === undefined) {
    ofToken = new WeakMap();
    known.set(claims, ofToken);
  }
  const before = ofToken.get(grant);
  if (before?.columns === columns) return before.seen;
  const seen = rowsSeen(role, table, columns, grant, claims);
  ofToken.set(grant, { columns, seen });
  return seen;
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
