import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import { allColumns, systemColumns } from '../model/system-columns.ts';
import type {
  ColumnMask,
  ColumnMaskKind,
  RoleDefinition,
  RowRule,
  TableDefinition,
  TableGrant,
  ViewDefinition,
} from '../model/types.ts';
import { claimsOf, sampleClaim } from '../query/claimed-where.ts';
import { operatorsOf } from '../query/where-operators.ts';
import { roleNameProblem } from './names.ts';
import { type Problems, placeOf } from './problems.ts';
import { readDescription } from './validate-description.ts';
import { readRoleLimits } from './validate-limits.ts';
import { checkDistinct, columnNamed } from './validate-names.ts';
import { readWhere } from './validate-where.ts';
import { capabilities, queryClasses } from './vocabulary.ts';

/** Reads the roles against the tables and views that could be read. */
export function readRoles(
  problems: Problems,
  entries: readonly unknown[],
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): RoleDefinition[] {
  const roles: RoleDefinition[] = [];
  for (const [i, entry] of entries.entries()) {
    const role = readRole(problems, entry, placeOf('roles', i, entry), tables, views);
    if (role) roles.push(role);
  }
  checkDistinct(problems, 'roles', roles);
  return roles;
}

function readRole(
  problems: Problems,
  value: unknown,
  place: string,
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): RoleDefinition | null {
  const role = problems.object(value, place, roleMembers, ['description', 'limits', 'auditReads']);
  if (!role) return null;
  const name = problems.string(role.name, `${place}.name`);
  const nameFault = name === null ? null : roleNameProblem(name);
  if (nameFault !== null) problems.add(place, nameFault);
  const queryClass = problems.oneOf(role.class, `${place}.class`, queryClasses);
  const granted = problems.names(
    role.capabilities,
    `${place}.capabilities`,
    capabilities,
    'capability',
  );
  const grants = readGrants(problems, role.tables, `${place}.tables`, tables);
  const viewNames = problems.names(
    role.views,
    `${place}.views`,
    views.map((view) => view.name),
    'view',
  );
  const description = readDescription(problems, role.description, place);
  const roleLimits = readRoleLimits(problems, role.limits, `${place}.limits`);
  const auditsReads =
    role.auditReads !== undefined && problems.boolean(role.auditReads, `${place}.auditReads`);
  if (name === null || queryClass === null) return null;
  return {
    name,
    ...description,
    class: queryClass,
    ...(roleLimits === null ? {} : { limits: roleLimits }),
    capabilities: granted,
    tables: grants,
    views: viewNames,
    ...(auditsReads ? { auditReads: true as const } : {}),
  };
}

const roleMembers = [
  'name',
  'description',
  'class',
  'limits',
  'auditReads',
  'capabilities',
  'tables',
  'views',
] as const;

function readGrants(
  problems: Problems,
  value: unknown,
  parent: string,
  tables: readonly TableDefinition[],
): TableGrant[] {
  const grants = new Map<string, TableGrant>();
  for (const [i, entry] of problems.list(value, parent, limits.manifestTablesMax).entries()) {
    const grant = problems.object(entry, `${parent}[${i}]`, grantMembers, [
      'append',
      ...columnMembers,
    ]);
    const name = grant ? problems.string(grant.table, `${parent}[${i}].table`) : null;
    if (!grant || name === null) continue;
    const table = tables.find((candidate) => candidate.name === name);
    if (!table) {
      const names = tables.map((candidate) => candidate.name);
      problems.add(`${parent}[${i}]`, `there is no table "${name}"; ${didYouMean(name, names)}`);
      continue;
    }
    const place = `${parent}.${name}`;
    if (grants.has(name)) problems.add(place, 'is granted twice; make it one grant');
    const read = problems.boolean(grant.read, `${place}.read`);
    const aggregate = problems.boolean(grant.aggregate, `${place}.aggregate`);
    const write = problems.boolean(grant.write, `${place}.write`);
    const append = grant.append !== undefined && problems.boolean(grant.append, `${place}.append`);
    const rowFilter = readRowFilter(problems, grant.rowFilter, `${place}.rowFilter`, table);
    if (!read && !aggregate && !append && !write)
      problems.add(place, 'grants nothing; leave it out');
    if (rowFilter && (write || append)) {
      problems.add(
        `${place}.rowFilter`,
        'bounds what is read, never what is written; give the writing to a role of its own',
      );
    }
    const columns = readColumnRules(problems, grant, place, table, write);
    const rights = { read, aggregate, write, ...(append ? { append: true as const } : {}) };
    grants.set(name, { table: name, ...rights, rowFilter, ...columns });
  }
  return [...grants.values()];
}

const columnMembers = ['hidden', 'masked', 'writable'] as const;
const grantMembers = [
  'table',
  'read',
  'aggregate',
  'write',
  'append',
  'rowFilter',
  ...columnMembers,
] as const;

/** What a grant says of single columns; members that are left out stay so. */
function readColumnRules(
  problems: Problems,
  grant: { readonly [Member in (typeof columnMembers)[number]]?: unknown },
  place: string,
  table: TableDefinition,
  write: boolean,
): Pick<TableGrant, 'hidden' | 'masked' | 'writable'> {
  const all = allColumns(table).map((column) => column.name);
  const hidden =
    grant.hidden === undefined
      ? undefined
      : problems.names(grant.hidden, `${place}.hidden`, all, 'column');
  const masked =
    grant.masked === undefined
      ? undefined
      : readMasks(problems, grant.masked, `${place}.masked`, table);
  const own = table.columns.map((column) => column.name);
  const writable =
    grant.writable === undefined
      ? undefined
      : problems.names(grant.writable, `${place}.writable`, own, 'column');
  const fixed = fixedColumns(table);
  for (const column of hidden ?? []) {
    if (fixed.has(column)) {
      problems.add(`${place}.hidden`, `"${column}" says which row it is, and cannot be hidden`);
    }
  }
  for (const { column } of masked ?? []) {
    if (hidden?.includes(column)) problems.add(`${place}.masked`, `"${column}" is hidden already`);
  }
  if (writable !== undefined) {
    if (!write) problems.add(`${place}.writable`, 'goes with "write"');
    if (table.kind !== 'state') {
      problems.add(`${place}.writable`, `rows of "${table.name}" are appended whole`);
    }
    if (writable.length === 0)
      problems.add(`${place}.writable`, 'names no column; leave "write" out');
    for (const column of writable) {
      if (fixed.has(column)) {
        problems.add(
          `${place}.writable`,
          `"${column}" is of the key, which an effect names anyway`,
        );
      }
    }
  }
  return {
    ...(hidden === undefined ? {} : { hidden }),
    ...(masked === undefined ? {} : { masked }),
    ...(writable === undefined ? {} : { writable }),
  };
}

function readMasks(
  problems: Problems,
  value: unknown,
  place: string,
  table: TableDefinition,
): ColumnMask[] {
  const masks = new Map<string, ColumnMask>();
  const fixed = fixedColumns(table);
  for (const [i, entry] of problems.list(value, place, limits.tableColumnsMax).entries()) {
    const mask = problems.object(entry, `${place}[${i}]`, ['column', 'as'] as const);
    if (!mask) continue;
    const name = problems.string(mask.column, `${place}[${i}].column`);
    const as = problems.oneOf(mask.as, `${place}[${i}].as`, maskKinds);
    const column = name === null ? null : columnNamed(problems, place, allColumns(table), name);
    if (!column || as === null) continue;
    if (fixed.has(column.name)) {
      problems.add(place, `"${column.name}" says which row it is, and cannot be masked`);
    } else if (as === 'null' && !column.optional) {
      problems.add(place, `"${column.name}" is never null; hide it, or make it optional`);
    } else if (as === 'hash' && (column.kind !== 'string' || column.list)) {
      problems.add(place, `"${column.name}" is no text; only texts have pseudonyms`);
    }
    if (masks.has(column.name)) problems.add(place, `"${column.name}" is masked twice`);
    masks.set(column.name, { column: column.name, as });
  }
  return [...masks.values()];
}

/** The columns that say which row it is, where and when: every reader needs them. */
function fixedColumns(table: TableDefinition): ReadonlySet<string> {
  return new Set([...table.key, ...systemColumns(table).map((column) => column.name)]);
}

const maskKinds: readonly ColumnMaskKind[] = ['null', 'hash'];

function readRowFilter(
  problems: Problems,
  value: unknown,
  place: string,
  table: TableDefinition,
): TableGrant['rowFilter'] {
  if (value === null || value === undefined) return null;
  const isEquality =
    typeof value === 'object' && 'column' in value && typeof value.column !== 'object';
  if (!isEquality) return readRowCondition(problems, value, place, table);
  const filter = problems.object(value, place, ['column', 'claim'] as const);
  if (!filter) return null;
  const name = problems.string(filter.column, `${place}.column`);
  const claim = problems.string(filter.claim, `${place}.claim`);
  if (claim === '') problems.add(`${place}.claim`, 'must name a claim of the token');
  const column = name === null ? null : columnNamed(problems, place, allColumns(table), name);
  if (!column || !claim) return null;
  if (!operatorsOf(column).includes('eq')) {
    problems.add(place, `"${column.name}" cannot be compared with a claim; use a scalar column`);
  }
  return { column: column.name, claim };
}

/** A condition whose values may be claims, as it was written. */
function readRowCondition(
  problems: Problems,
  value: unknown,
  place: string,
  table: TableDefinition,
): RowRule | null {
  const rule = readWhere(problems, value, place, allColumns(table), sampleClaim);
  if (rule === null) return null;
  if (Object.keys(rule).length === 0) {
    problems.add(place, 'holds for every row; leave it out');
    return null;
  }
  if (claimsOf(rule).includes('')) problems.add(place, 'must name a claim of the token');
  return rule;
}
