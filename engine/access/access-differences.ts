import { isDeepStrictEqual } from 'node:util';
import { capabilities } from '../manifest/vocabulary.ts';
import type { Catalog } from '../model/catalog.ts';
import type { RoleDefinition, TableDefinition } from '../model/types.ts';
import { ruleInWords } from './claim-condition.ts';
import {
  decideCapability,
  decideExport,
  decideSession,
  decideTable,
  decideView,
  type TableRight,
} from './decide.ts';
import { type ColumnShown, decideColumnWrites, grantOf, shownAs } from './table-access.ts';

/** Whether a role may do more from now on, less, or something else. */
export type AccessEffect = 'GAINS' | 'LOSES' | 'CHANGES';

/** What of a role another decision is about. */
export type AccessSubject =
  | 'ROLE'
  | 'CLASS'
  | 'CAPABILITY'
  | 'SESSIONS'
  | 'VIEW'
  | 'TABLE'
  | 'ROWS'
  | 'COLUMNS'
  | 'LIMITS'
  | 'AUDIT';

/** One thing that a role may do, or is held to, that another set of roles decides otherwise. */
export interface AccessDifference {
  readonly role: string;
  readonly effect: AccessEffect;
  readonly subject: AccessSubject;
  /** The capability, view or table; null: the title as a whole. */
  readonly name: string | null;
  /** A right on the table: `read`, `aggregate`, `append`, `write`, `export`. Null where none is meant. */
  readonly right: string | null;
  /** The columns that are decided otherwise; empty: whole rows. */
  readonly columns: readonly string[];
  /** In words; null: nothing of it. */
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * All that one role may do otherwise: every decision of this room about it, asked of both. Null: there
 * is no such role, which may do nothing.
 */
export function roleDifferences(
  catalog: Catalog,
  before: RoleDefinition | null,
  after: RoleDefinition | null,
): AccessDifference[] {
  const role = (after ?? before)?.name;
  if (role === undefined || before === after) return [];
  const [one, other] = [before ?? nobody(role), after ?? nobody(role)];
  const differences: AccessDifference[] = [];
  const add = (
    effect: AccessEffect,
    subject: AccessSubject,
    told: Partial<Omit<AccessDifference, 'role' | 'effect' | 'subject'>>,
  ) => {
    const rest = { name: null, right: null, columns: [], before: null, after: null, ...told };
    differences.push({ role, effect, subject, ...rest });
  };
  const decide = (
    subject: AccessSubject,
    told: { readonly name?: string; readonly right?: string },
    mayDo: (asking: RoleDefinition) => boolean,
  ) => {
    const [did, does] = [mayDo(one), mayDo(other)];
    if (did === does) return;
    const texts = { before: did ? 'allowed' : null, after: does ? 'allowed' : null };
    add(does ? 'GAINS' : 'LOSES', subject, { ...told, ...texts });
  };

  decide('ROLE', {}, (asking) => asking === before || asking === after);
  if (before !== null && after !== null && before.class !== after.class) {
    add('CHANGES', 'CLASS', { before: before.class, after: after.class });
  }
  for (const name of capabilities) {
    decide('CAPABILITY', { name }, (asking) => decideCapability(asking, name).allowed);
  }
  decide('SESSIONS', {}, (asking) => decideSession(asking).allowed);
  for (const name of catalog.views.keys()) {
    decide('VIEW', { name }, (asking) => decideView(asking, name).allowed);
  }
  for (const table of catalog.tables.values()) {
    const { name } = table;
    for (const right of tableRights) {
      decide('TABLE', { name, right }, (asking) => holdsRight(asking, table, right));
    }
    decide('TABLE', { name, right: 'export' }, (asking) => decideExport(asking, name).allowed);
    addRows(add, name, one, other);
    addColumns(add, catalog, table, one, other);
  }
  if (before !== null && after !== null) {
    if (!isDeepStrictEqual(before.limits, after.limits)) {
      const texts = [before, after].map(({ limits }) => limitsInWords(limits));
      add('CHANGES', 'LIMITS', { before: texts[0] ?? null, after: texts[1] ?? null });
    }
    decide('AUDIT', {}, (asking) => asking.auditReads === true);
  }
  return differences;
}

type Add = (
  effect: AccessEffect,
  subject: AccessSubject,
  told: Partial<Omit<AccessDifference, 'role' | 'effect' | 'subject'>>,
) => void;

const tableRights: readonly TableRight[] = ['read', 'aggregate', 'append', 'write'];

function nobody(name: string): RoleDefinition {
  return { name, class: 'ARCHIVAL', capabilities: [], tables: [], views: [] };
}

/** The rows of a table that it may see: none, those of a rule, or all. */
function rowsOf(
  role: RoleDefinition,
  table: string,
): { readonly rank: number; readonly text: string } {
  const grant = grantOf(role, table);
  if (!grant?.read && !grant?.aggregate) return { rank: 0, text: '' };
  if (grant.rowFilter === null) return { rank: 2, text: 'all rows' };
  return { rank: 1, text: `rows ${ruleInWords(grant.rowFilter)}` };
}

function addRows(add: Add, name: string, before: RoleDefinition, after: RoleDefinition): void {
  const [did, does] = [rowsOf(before, name), rowsOf(after, name)];
  if (did.text === does.text) return;
  const order = does.rank - did.rank;
  const effect = order === 0 ? 'CHANGES' : order > 0 ? 'GAINS' : 'LOSES';
  const texts = { before: did.text || null, after: does.text || null };
  add(effect, 'ROWS', { name, right: 'read', ...texts });
}

/** From the least to the most that is shown of a value. */
const shownRanks: readonly ColumnShown[] = ['hidden', 'null', 'hash', 'plain'];

/** How it sees a column of rows that it may see, if any. */
export function columnShown(role: RoleDefinition, table: string, column: string): ColumnShown {
  const grant = grantOf(role, table);
  return grant?.read || grant?.aggregate ? shownAs(grant, column) : 'hidden';
}

/** Whether it may set the column of a row that is there. */
export function maySet(role: RoleDefinition, table: TableDefinition, column: string): boolean {
  const write = { right: 'write', wholeRow: false, columns: [column] } as const;
  return decideColumnWrites(role, table, write).allowed;
}

/** Whether it has the right on whole rows: to write single columns is told of those. */
export function holdsRight(
  role: RoleDefinition,
  table: TableDefinition,
  right: TableRight,
): boolean {
  if (!decideTable(role, table.name, right).allowed) return false;
  if (right !== 'append' && right !== 'write') return true;
  return decideColumnWrites(role, table, { right, wholeRow: true, columns: [] }).allowed;
}

function addColumns(
  add: Add,
  catalog: Catalog,
  table: TableDefinition,
  before: RoleDefinition,
  after: RoleDefinition,
): void {
  const { name } = table;
  const shown = (role: RoleDefinition) => (column: string) => columnShown(role, name, column);
  const set = (role: RoleDefinition) => (column: string) =>
    maySet(role, table, column) ? 'set' : '';
  const all = [...catalog.columnsOf(table).keys()];
  const own = table.columns.map((column) => column.name).filter((c) => !table.key.includes(c));
  group(add, name, 'read', all, shownRanks, 'hidden', shown(before), shown(after));
  group(add, name, 'write', own, ['', 'set'], '', set(before), set(after));
}

/** Columns that go from one state to another, together. */
function group(
  add: Add,
  name: string,
  right: string,
  columns: readonly string[],
  ranks: readonly string[],
  none: string,
  did: (column: string) => string,
  does: (column: string) => string,
): void {
  const groups = new Map<string, string[]>();
  for (const column of columns) {
    const change = `${did(column)}\0${does(column)}`;
    groups.set(change, [...(groups.get(change) ?? []), column]);
  }
  for (const [change, together] of groups) {
    const [before = none, after = none] = change.split('\0');
    if (before === after) continue;
    const effect = ranks.indexOf(after) > ranks.indexOf(before) ? 'GAINS' : 'LOSES';
    const texts = {
      before: before === none ? null : before,
      after: after === none ? null : after,
    };
    add(effect, 'COLUMNS', { name, right, columns: together, ...texts });
  }
}

function limitsInWords(limits: RoleDefinition['limits']): string {
  return limits === undefined ? 'the default' : JSON.stringify(limits);
}
