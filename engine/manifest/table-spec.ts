import type { ConflictCode } from '../model/system-columns.ts';
import type { ScalarKind, TableKind } from '../model/types.ts';
import { type ColumnSpec, type ColumnSpecs, type KeyColumnName, t } from './column-spec.ts';

/** A table as the builder sees it: its definition without the name, and the types of its columns. */
export interface TableSpec<
  Kind extends TableKind = TableKind,
  Columns extends ColumnSpecs = ColumnSpecs,
  Key extends string = string,
> {
  readonly kind: Kind;
  readonly columns: Columns;
  readonly key: readonly Key[];
  readonly indexes: { readonly [index: string]: readonly string[] };
}

export type TableSpecs = { readonly [table: string]: TableSpec };

/** One row a player command. A title has exactly one such table. */
export function actionTable<Columns extends ColumnSpecs>(
  columns: Columns,
): TableSpec<'action', Columns, never> {
  return { kind: 'action', columns, key: [], indexes: {} };
}

/** Append-only rows of a session. */
export function eventTable<Columns extends ColumnSpecs>(
  columns: Columns,
): TableSpec<'event', Columns, never> {
  return { kind: 'event', columns, key: [], indexes: {} };
}

/**
 * Live rows by key. A key that begins with `sessionId` makes the rows a session's own and brings
 * the column along; a key without it makes the table title-wide.
 */
export function stateTable<
  Columns extends StateColumnSpecs & { readonly sessionId?: never },
  const Key extends readonly (KeyName<Columns> | 'sessionId')[],
>(
  columns: Columns,
  options: {
    readonly key: Key;
    /** Columns by which rows are looked up, in order, each under a name. */
    readonly indexes?: {
      readonly [index: string]: readonly (KeyColumnName<Columns> | (Key[number] & 'sessionId'))[];
    };
  },
): TableSpec<'state', WithSession<Columns, Key[number]>, Key[number]> {
  const withSession = options.key.includes('sessionId')
    ? { sessionId: t.string(), ...columns }
    : columns;
  return {
    kind: 'state',
    columns: withSession as WithSession<Columns, Key[number]>,
    key: options.key,
    indexes: options.indexes ?? {},
  };
}

/** No lists: a live row holds scalars. */
type StateColumnSpecs = {
  readonly [column: string]: ColumnSpec<ScalarKind, unknown, boolean, false>;
};

/** Columns that may stand in a key: no nulls, and an equality that can be relied on. */
type KeyName<Columns> = {
  [Name in KeyColumnName<Columns>]: Columns[Name] extends { readonly isOptional: false }
    ? Name
    : never;
}[KeyColumnName<Columns>];

type WithSession<Columns, Key extends string> = 'sessionId' extends Key
  ? { readonly sessionId: Text } & { readonly [Name in keyof Columns]: Columns[Name] }
  : { readonly [Name in keyof Columns]: Columns[Name] };

type Text = ColumnSpec<'string', string, false, false>;
type U32 = ColumnSpec<'u32', number, false, false>;
type Timestamp = ColumnSpec<'timestamp', number, false, false>;

interface EventSystemColumns {
  readonly sessionId: Text;
  readonly tick: U32;
  readonly seq: U32;
  readonly position: Text;
  readonly committedAt: Timestamp;
}

interface ActionSystemColumns extends EventSystemColumns {
  readonly actionId: Text;
  readonly accepted: ColumnSpec<'bool', boolean, false, false>;
  readonly conflict: ColumnSpec<'enum', ConflictCode, true, false>;
}

interface StateSystemColumns {
  readonly version: U32;
  readonly position: Text;
  readonly committedAt: Timestamp;
}

/** The types of `systemColumns`, which a test holds equal to it. */
export interface SystemColumnSpecs {
  readonly action: ActionSystemColumns;
  readonly event: EventSystemColumns;
  readonly state: StateSystemColumns;
}

/** Every column of a table's rows, the system's included. */
export type AllColumnSpecs<Table extends TableSpec> = Table['columns'] &
  SystemColumnSpecs[Table['kind']];
