import type { ColumnDefinition, TableDefinition, TitleManifest } from '../model/types.ts';
import type { AggregateOptions } from './aggregate-spec.ts';
import type { ColumnSpec, ColumnSpecs, ColumnValue } from './column-spec.ts';
import { describedAs } from './described-as.ts';
import { type RoleSpec, roleDefinition } from './role-spec.ts';
import type { AllColumnSpecs, TableSpec, TableSpecs } from './table-spec.ts';
import { validateManifest } from './validate.ts';
import type {
  CheckedViews,
  TopViewSpec,
  ViewColumnSpecs,
  ViewKeySpecs,
  ViewSpecs,
} from './view-spec.ts';

/**
 * A title's tables, views and roles, typed: a name that is not there is a compile error, and what
 * types cannot hold (naming rules, bounds, duplicates) is checked at once.
 *
 * ```ts
 * export default defineTitle({
 *   title: 'skirmish',
 *   version: 1,
 *   tables: { orders: actionTable({ playerId: t.u32() }) },
 *   views: { pulse: { kind: 'group', from: 'orders', groupBy: ['sessionId'], columns: { orders: count() } } },
 *   roles: { liveops: { class: 'OPERATOR', views: ['pulse'] } },
 * });
 * ```
 *
 * @throws EngineError `SCHEMA_MISMATCH` with every problem in `details.problems`
 */
export function defineTitle<
  const Tables extends TableSpecs,
  const Views extends ViewSpecs<Tables>,
  Role extends string,
>(definition: {
  /** The title's name, part of URLs: small letters, digits and dashes, beginning with a letter. */
  readonly title: string;
  /** The studio's own version of the manifest, rising by one a migration. */
  readonly version: number;
  /** Tables by name (`actionTable`, `eventTable`, `stateTable`); one of them is the action table. */
  readonly tables: Tables;
  /** Live views by name: groups of an event or action table, and the first rows of such groups. */
  readonly views?: (Views & CheckedViews<Tables, NoInfer<Views>>) | undefined;
  /** Roles by name, as tokens name them. Without a role there is no access. */
  readonly roles?:
    | { readonly [Name in Role]: RoleSpec<Tables, keyof NoInfer<Views> & string> }
    | undefined;
}): Title<Tables, Views, Role> {
  const views: { readonly [view: string]: AnyView } = definition.views ?? {};
  const roles: { readonly [role: string]: RoleSpec<Tables, string> } = definition.roles ?? {};
  return validateManifest({
    format: 1,
    title: definition.title,
    version: definition.version,
    tables: Object.entries<TableSpec>(definition.tables).map(tableDefinition),
    views: Object.entries(views).map(viewDefinition),
    roles: Object.entries(roles).map(([name, role]) => roleDefinition(name, role)),
  }) as Title<Tables, Views, Role>;
}

/** A view without what its title's tables say of it; `validateManifest` checks that again. */
type AnyView =
  | TopViewSpec
  | {
      readonly kind: 'group';
      readonly tickWindow?: number | undefined;
      readonly columns: Readonly<Record<string, AggregateOptions>>;
    };

/** Carries types and no value: the property never exists. */
declare const titleTypes: unique symbol;

/** A manifest that remembers the types it was written with. */
export interface Title<Tables extends TableSpecs, Views, Role extends string>
  extends TitleManifest {
  readonly [titleTypes]?: {
    readonly tables: Tables;
    readonly views: Views;
    readonly role: Role;
  };
}

type TablesOf<T> = T extends Title<infer Tables, infer _Views, infer _Role> ? Tables : never;
type ViewsOf<T> = T extends Title<infer _Tables, infer Views, infer _Role> ? Views : never;

export type TableNameOf<T> = keyof TablesOf<T> & string;
export type ViewNameOf<T> = keyof ViewsOf<T> & string;
export type RoleNameOf<T> = T extends Title<infer _Tables, infer _Views, infer Role> ? Role : never;

/** A row of a table (system columns included) or of a view. */
export type RowOf<T, Source extends TableNameOf<T> | ViewNameOf<T>> = Values<
  Source extends TableNameOf<T>
    ? AllColumnSpecs<TablesOf<T>[Source]>
    : Source extends ViewNameOf<T>
      ? ViewColumnSpecs<TablesOf<T>, ViewsOf<T>, Source>
      : never
>;

/** The declared columns of a table: what a client writes. */
export type NewRowOf<T, Table extends TableNameOf<T>> = Writable<TablesOf<T>[Table]['columns']>;

/** The key of a state table or of a view. */
export type KeyOf<T, Source extends TableNameOf<T> | ViewNameOf<T>> = Values<
  Source extends TableNameOf<T>
    ? Pick<TablesOf<T>[Source]['columns'], TablesOf<T>[Source]['key'][number]>
    : Source extends ViewNameOf<T>
      ? ViewKeySpecs<TablesOf<T>, ViewsOf<T>, Source>
      : never
>;

type Values<Columns> = { readonly [Name in keyof Columns]: ColumnValue<Columns[Name]> };

type OptionalName<Columns> = {
  [Name in keyof Columns]: null extends ColumnValue<Columns[Name]> ? Name : never;
}[keyof Columns];

type Writable<Columns extends ColumnSpecs> = {
  readonly [Name in Exclude<keyof Columns, OptionalName<Columns>>]: ColumnValue<Columns[Name]>;
} & { readonly [Name in OptionalName<Columns>]?: ColumnValue<Columns[Name]> };

function tableDefinition([name, table]: [string, TableSpec]): TableDefinition {
  return {
    name,
    ...describedAs(table.description),
    kind: table.kind,
    columns: Object.entries(table.columns).map(columnDefinition),
    key: table.key,
    indexes: Object.entries(table.indexes).map(([index, columns]) => ({ name: index, columns })),
  };
}

function columnDefinition([name, spec]: [string, ColumnSpec]): ColumnDefinition {
  const { kind, isOptional, isList, values } = spec;
  return {
    name,
    ...describedAs(spec.description),
    kind,
    optional: isOptional,
    list: isList,
    values,
    ...(spec.personalRule === undefined ? {} : { personal: spec.personalRule }),
  };
}

function viewDefinition([name, view]: [string, AnyView]): object {
  if (view.kind !== 'group') return { name, ...view };
  const columns = Object.entries(view.columns).map(([column, { description, ...aggregate }]) => ({
    name: column,
    ...describedAs(description),
    aggregate,
  }));
  return { name, ...view, tickWindow: view.tickWindow ?? null, columns };
}
