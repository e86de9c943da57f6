import { kindTexts, type SdkKind } from './kinds.ts';
import type {
  AggregateJson,
  ColumnJson,
  ManifestJson,
  TableJson,
  ViewJson,
} from './manifest-json.ts';

/** A column as generated code shows it. */
export interface SdkColumn {
  readonly name: string;
  /** What its author says of it. */
  readonly description: string | null;
  readonly kind: SdkKind;
  readonly optional: boolean;
  readonly list: boolean;
  /** The name of the string union of an enum column. */
  readonly enumName: string | null;
  /** The values of a declared enum column. */
  readonly values: readonly string[];
}

/** A table or view with all the columns a client can read. */
export interface Relation {
  readonly name: string;
  readonly description: string | null;
  /** The name in GraphQL: `UnitState`. */
  readonly as: string;
  /** The name of the row's type in the generated code. */
  readonly type: string;
  readonly kind: 'action' | 'event' | 'state' | 'view';
  readonly key: readonly string[];
  readonly columns: readonly SdkColumn[];
}

export function pascalCase(name: string): string {
  return name
    .split(/[-_]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** `unitState` → `UnitState`, exactly as the server names its types. */
export function typeName(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The string union of a declared enum column: `ActionKind`, `ResourceLedgerResource`. */
export function enumName(table: TableJson, column: ColumnJson): string {
  const prefix = table.kind === 'action' ? 'Action' : typeName(table.name);
  return prefix + typeName(column.name);
}

function system(name: string, kind: SdkColumn['kind']): SdkColumn {
  return {
    name,
    description: null,
    kind,
    optional: false,
    list: false,
    enumName: null,
    values: [],
  };
}

const eventSystem: readonly SdkColumn[] = [
  system('sessionId', 'string'),
  system('tick', 'u32'),
  system('seq', 'u32'),
  system('position', 'position'),
  system('committedAt', 'timestamp'),
];

const actionSystem: readonly SdkColumn[] = [
  ...eventSystem,
  system('actionId', 'string'),
  system('accepted', 'bool'),
  { ...system('conflict', 'enum'), optional: true, enumName: 'ConflictCode' },
];

const stateSystem: readonly SdkColumn[] = [
  system('version', 'u32'),
  system('position', 'position'),
  system('committedAt', 'timestamp'),
];

export type TypeNamer = (graphqlName: string) => string;

export function tableRelation(table: TableJson, namer: TypeNamer): Relation {
  const declared = table.columns.map((column) => ({
    name: column.name,
    description: column.description ?? null,
    kind: column.kind,
    optional: column.optional,
    list: column.list,
    enumName: column.kind === 'enum' ? namer(enumName(table, column)) : null,
    values: column.values,
  }));
  const columns =
    table.kind === 'state'
      ? [...declared, ...stateSystem]
      : [...(table.kind === 'action' ? actionSystem : eventSystem), ...declared];
  const { name, kind, key } = table;
  const description = table.description ?? null;
  return { name, description, as: typeName(name), type: namer(typeName(name)), kind, key, columns };
}

export function viewRelation(manifest: ManifestJson, view: ViewJson, namer: TypeNamer): Relation {
  const group = view.kind === 'group' ? view : manifest.views.find((v) => v.name === view.from);
  if (group?.kind !== 'group') throw new TypeError(`view ${view.name}: no group view ${view.from}`);
  const table = manifest.tables.find((candidate) => candidate.name === group.from);
  if (!table) throw new TypeError(`view ${group.name}: no table ${group.from}`);
  const source = tableRelation(table, namer);
  const sourceColumn = (name: string): SdkColumn => {
    const column = source.columns.find((candidate) => candidate.name === name);
    if (!column) throw new TypeError(`view ${group.name}: no column ${name} in ${table.name}`);
    return column;
  };
  const key = group.groupBy.map(sourceColumn);
  if (group.tickWindow !== null) key.push(system('tickWindow', 'u32'));
  const values = group.columns.map(({ name, description, aggregate }) => ({
    ...aggregateColumn(name, aggregate, sourceColumn),
    description: description ?? null,
  }));
  return {
    name: view.name,
    description: view.description ?? null,
    as: typeName(view.name),
    type: namer(typeName(view.name)),
    kind: 'view',
    key: key.map((column) => column.name),
    columns: [...key, ...values],
  };
}

function aggregateColumn(
  name: string,
  aggregate: AggregateJson,
  sourceColumn: (name: string) => SdkColumn,
): SdkColumn {
  switch (aggregate.op) {
    case 'count':
    case 'countDistinct':
    case 'sumLength':
      return system(name, 'count');
    case 'sum': {
      const { kind } = sourceColumn(aggregate.column ?? '');
      return system(name, kindTexts[kind].sum ?? 'f64');
    }
    case 'min':
    case 'max': {
      const column = sourceColumn(aggregate.column ?? '');
      // A group whose rows all fail the condition has no least row.
      return { ...column, name, optional: column.optional || aggregate.where !== undefined };
    }
  }
}
