import { limits } from '../model/limits.ts';
import type {
  RoleDefinition,
  TableDefinition,
  TableGrant,
  ViewDefinition,
} from '../model/types.ts';
import type { Problems } from './problems.ts';
import { readRoles } from './validate-roles.ts';

/**
 * A role as a manifest's author writes it (`RoleSpec`), in JSON from outside:
 *
 *     { "class": "GAMEPLAY", "tables": { "units": { "access": ["read"], "hide": ["secret"] } } }
 *
 * Null where it is none; the problems say why.
 */
export function readRoleJson(
  problems: Problems,
  name: string,
  value: unknown,
  tables: readonly TableDefinition[],
  views: readonly ViewDefinition[],
): RoleDefinition | null {
  const place = `roles.${name}`;
  const before = problems.all.length;
  const optional = roleMembers.filter((member) => member !== 'class');
  const role = problems.object(value, place, roleMembers, optional);
  if (!role) return null;
  const entry = {
    ...role,
    name,
    capabilities: role.capabilities ?? [],
    views: role.views ?? [],
    tables: grantsOf(problems, role.tables ?? {}, `${place}.tables`),
  };
  const [read] = readRoles(problems, [entry], tables, views);
  return problems.all.length > before ? null : (read ?? null);
}

const roleMembers = [
  'description',
  'class',
  'capabilities',
  'tables',
  'views',
  'auditReads',
  'limits',
] as const;
const grantMembers = ['access', 'onlyWhere', 'hide', 'mask', 'writeOnly'] as const;
const rights = ['read', 'aggregate', 'append', 'write'] as const;

function grantsOf(problems: Problems, value: unknown, place: string): unknown[] {
  if (!isObject(value)) {
    problems.add(place, 'must be an object of tables, such as { "units": ["read"] }');
    return [];
  }
  return Object.entries(value)
    .slice(0, limits.manifestTablesMax + 1)
    .map(([table, grant]) => grantOf(problems, table, grant, `${place}.${table}`));
}

function grantOf(problems: Problems, table: string, value: unknown, place: string): unknown {
  const isList = Array.isArray(value);
  const grant = isList
    ? { access: value as unknown }
    : problems.object(value, place, grantMembers, grantMembers.slice(1));
  const { access, onlyWhere, hide, mask, writeOnly } = { ...noGrant, ...grant };
  const held = problems.names(access, isList ? place : `${place}.access`, rights, 'right');
  return {
    table,
    read: held.includes('read'),
    aggregate: held.includes('aggregate'),
    write: held.includes('write'),
    ...(held.includes('append') ? { append: true } : {}),
    rowFilter: onlyWhere ?? null,
    ...(hide === undefined ? {} : { hidden: hide }),
    ...(mask === undefined ? {} : { masked: masksOf(mask) }),
    ...(writeOnly === undefined ? {} : { writable: writeOnly }),
  };
}

const noGrant: { readonly [Member in (typeof grantMembers)[number]]?: unknown } = {};

/** What is no object of masks stays, to be refused as no list of them. */
function masksOf(mask: unknown): unknown {
  return isObject(mask) ? Object.entries(mask).map(([column, as]) => ({ column, as })) : mask;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A role as its author would write it; `readRoleJson` reads it back. */
export function roleJson(role: RoleDefinition): Readonly<Record<string, unknown>> {
  const { name: _, capabilities, tables, views, ...others } = role;
  return {
    ...others,
    ...(capabilities.length === 0 ? {} : { capabilities }),
    ...(tables.length === 0
      ? {}
      : { tables: Object.fromEntries(tables.map((grant) => [grant.table, grantJson(grant)])) }),
    ...(views.length === 0 ? {} : { views }),
  };
}

function grantJson(grant: TableGrant): unknown {
  const { rowFilter, hidden, masked, writable } = grant;
  const access = rights.filter((right) => grant[right]);
  const bounds = {
    ...(rowFilter === null ? {} : { onlyWhere: rowFilter }),
    ...(hidden === undefined ? {} : { hide: hidden }),
    ...(masked === undefined
      ? {}
      : { mask: Object.fromEntries(masked.map(({ column, as }) => [column, as])) }),
    ...(writable === undefined ? {} : { writeOnly: writable }),
  };
  return Object.keys(bounds).length === 0 ? access : { access, ...bounds };
}
