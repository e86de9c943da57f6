import { MapperKind, mapSchema, pruneSchema } from '@graphql-tools/utils';
import { GraphQLObjectType, type GraphQLSchema } from 'graphql';
import {
  decideCapability,
  decideColumnWrites,
  decideSession,
  decideTable,
  decideView,
  grantOf,
  shownAs,
} from '../engine/index.ts';
import type { Catalog } from '../engine/model/catalog.ts';
import type { Capability, RoleDefinition, TableDefinition } from '../engine/model/types.ts';
import { tableDescription } from './descriptions.ts';
import { typeNameOf } from './names.ts';
import { withWideNumbers } from './wide-numbers.ts';

/**
 * The part of a title's schema that a role may use, for introspection, `schema.graphql` and what errors
 * suggest: it has no field, argument or value of which every use would answer `FORBIDDEN`. Requests run
 * on the whole schema. Null where the role may ask nothing.
 */
export function schemaOfRole(
  schema: GraphQLSchema,
  catalog: Catalog,
  role: RoleDefinition,
): GraphQLSchema | null {
  const rights = rightsOf(catalog, role);
  const mayUseRoot = (name: string) => rights.roots.get(name) !== false;
  const queries = Object.keys(schema.getQueryType()?.getFields() ?? {});
  if (!queries.some(mayUseRoot)) return null;
  const bare = mapSchema(schema, {
    [MapperKind.ROOT_FIELD]: (_config, field) => (mayUseRoot(field) ? undefined : null),
    [MapperKind.OBJECT_FIELD]: (_config, field, type) =>
      rights.members.get(type)?.(field) === false ? null : undefined,
    [MapperKind.INPUT_OBJECT_FIELD]: (_config, field, type) =>
      rights.members.get(type)?.(field) === false ? null : undefined,
    [MapperKind.ENUM_VALUE]: (_config, type, _schema, value) =>
      rights.members.get(type)?.(value) === false ? null : undefined,
    [MapperKind.OBJECT_TYPE]: (type) => {
      const description = rights.descriptions.get(type.name);
      if (description === undefined) return undefined;
      return new GraphQLObjectType({ ...type.toConfig(), description });
    },
  });
  return withWideNumbers(pruneSchema(bare));
}

interface Rights {
  /** Whether a root field may be used, by its name. */
  readonly roots: ReadonlyMap<string, boolean>;
  /** By the name of a type of which only some members may be used: whether one may. */
  readonly members: ReadonlyMap<string, (member: string) => boolean>;
  /** What types say of themselves where the whole schema's words would name what is hidden. */
  readonly descriptions: ReadonlyMap<string, string>;
}

/** The capability that a root field needs which is no table's and no view's. */
export const fixedRoots: Readonly<Record<string, Capability | 'sees sessions'>> = {
  session: 'sees sessions',
  sessions: 'sees sessions',
  openSession: 'session',
  closeSession: 'session',
  commitTick: 'commit',
  sql: 'sql',
  export: 'export',
  createExport: 'export',
  runningQueries: 'kill',
  killQuery: 'kill',
  liveSubscriptions: 'kill',
  endSubscription: 'kill',
  contention: 'explain',
  operations: 'explain',
  slowQueries: 'explain',
  insights: 'explain',
  auditLog: 'audit',
  explainAccess: 'roles',
};

function rightsOf(catalog: Catalog, role: RoleDefinition): Rights {
  const roots = new Map<string, boolean>();
  const members = new Map<string, (member: string) => boolean>();
  const descriptions = new Map<string, string>();
  for (const [field, need] of Object.entries(fixedRoots)) {
    const decision = need === 'sees sessions' ? decideSession(role) : decideCapability(role, need);
    roots.set(field, decision.allowed);
  }
  for (const view of catalog.manifest.views) {
    const { allowed } = decideView(role, view.name);
    roots.set(view.name, allowed).set(`${view.name}Changes`, allowed);
  }
  const commits = decideCapability(role, 'commit').allowed;
  const written = new Set<string>();
  for (const table of catalog.tables.values()) {
    const type = typeNameOf(table.name);
    const may = (right: 'read' | 'aggregate' | 'append' | 'write') =>
      decideTable(role, table.name, right).allowed;
    const reads = may('read');
    if (table.kind === 'state') roots.set(table.name, reads).set(`${table.name}Changes`, reads);
    roots.set(`${table.name}List`, reads).set(`${table.name}Groups`, may('aggregate'));
    const writes = commits && (may('write') || may('append'));
    if (writes) written.add(table.name);
    roots.set(`compareAndSet${type}`, commits && may('write'));
    addColumnRights(members, role, table);
    const description = describedTo(role, table);
    if (description !== null) descriptions.set(type, description);
  }
  members.set('EffectInput', (table) => written.has(table));
  const sources: Readonly<Record<string, Capability>> = {
    sql: 'sql',
    parameters: 'sql',
    audit: 'audit',
  };
  members.set('CreateExportInput', (member) => {
    const need = sources[member];
    return need === undefined || decideCapability(role, need).allowed;
  });
  const actions = catalog.actionTable.name;
  members.set('CommitTickInput', (member) => member !== 'actions' || written.has(actions));
  return { roots, members, descriptions };
}

/** Types whose members are columns of a table, by what follows its name: of what a question may rest on. */
const asking = [
  'Where',
  'Require',
  'Column',
  'OrderColumn',
  'GroupColumn',
  'GroupKey',
  'CountDistinct',
  'Sum',
  'Avg',
  'Min',
  'Max',
  'Quantile',
];

function addColumnRights(
  members: Map<string, (member: string) => boolean>,
  role: RoleDefinition,
  table: TableDefinition,
): void {
  const type = typeNameOf(table.name);
  const grant = grantOf(role, table.name);
  if (grant === null) return;
  const hidden = new Set(grant.hidden);
  const notAsked = new Set([...hidden, ...(grant.masked ?? []).map(({ column }) => column)]);
  if (hidden.size > 0) members.set(type, (column) => !hidden.has(column));
  if (notAsked.size > 0) {
    // A part is named by its column: `place_x`, and no column has an underscore.
    const isAsked = (member: string) => !notAsked.has(member.split('_', 1)[0] as string);
    for (const suffix of asking) members.set(`${type}${suffix}`, isAsked);
  }
  const mayWrite = (columns: readonly string[], wholeRow: boolean) =>
    decideColumnWrites(role, table, { wholeRow, columns, right: 'write' }).allowed;
  members.set(`${type}Set`, (column) => mayWrite([column], false));
  members.set(`${type}Add`, (column) => mayWrite([column], false));
  members.set(`${type}Effect`, (operation) => {
    if (operation === 'append' || operation === 'insert') {
      return decideColumnWrites(role, table, { wholeRow: true, columns: [], right: 'append' })
        .allowed;
    }
    return mayWrite([], operation === 'upsert' || operation === 'delete');
  });
}

/** What the schema says of the table, without indexes of columns that the role does not see. */
function describedTo(role: RoleDefinition, table: TableDefinition): string | null {
  const grant = grantOf(role, table.name);
  if (grant === null || (grant.hidden ?? []).length === 0) return null;
  const indexes = table.indexes.filter(({ columns }) =>
    columns.every((column) => shownAs(grant, column) !== 'hidden'),
  );
  return tableDescription({ ...table, indexes });
}
