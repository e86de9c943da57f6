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
  readonly description?: string | undefined;
}

export type TableSpecs = { readonly [table: string]: TableSpec };

/** What may be said of any table beside its columns. */
export interface TableOptions {
  /**
   * What a row of the table is, for whoever reads the API: it stands in the GraphQL schema, in hovers
   * of the generated SDK and in `manifest.json`. It can be changed at any time.
   */
  readonly description?: string | undefined;
}

/**
 * The table of player commands: one row a command, with its verdict. A title has exactly one.
 *
 * Its rows have `sessionId`, `tick`, `seq`, `position`, `committedAt`, `actionId`, `accepted` and
 * `conflict` beside the columns given here.
 *
 * ```ts
 * orders: actionTable({ playerId: t.u32(), kind: t.enum('MOVE', 'ATTACK') })
 * ```
 */
export function actionTable<Columns extends ColumnSpecs>(
  columns: Columns,
  { description }: TableOptions = {},
): TableSpec<'action', Columns, never> {
  return { kind: 'action', columns, key: [], indexes: {}, description };
}

/**
 * Rows of a session that accepted effects append, and that never change: a ledger, snapshots, metrics.
 *
 * They have `sessionId`, `tick`, `seq`, `position` and `committedAt` beside the columns given here.
 *
 * ```ts
 * ledger: eventTable({ playerId: t.u32(), amount: t.f64() })
 * ```
 */
export function eventTable<Columns extends ColumnSpecs>(
  columns: Columns,
  { description }: TableOptions = {},
): TableSpec<'event', Columns, never> {
  return { kind: 'event', columns, key: [], indexes: {}, description };
}

/**
 * Live rows by key, versioned, which ticks change and clients compare and swap. A key that begins
 * with `sessionId` makes the rows a session's own and brings the column along; a key without it
 * makes the table title-wide: ticks of every session may touch it.
 *
 * Rows have `version`, `position` and `committedAt` beside the columns given here. No lists: a live
 * row holds scalars.
 *
 * ```ts
 * units: stateTable(
 *   { unitId: t.u32(), ownerId: t.u32(), health: t.f32() },
 *   { key: ['sessionId', 'unitId'], indexes: { byOwner: ['sessionId', 'ownerId'] } },
 * )
 * ```
 */
export function stateTable<
  Columns extends StateColumnSpecs & { readonly sessionId?: never },
  const Key extends readonly (KeyName<Columns> | 'sessionId')[],
>(
  columns: Columns,
  options: StateTableOptions<Columns, Key>,
): TableSpec<'state', WithSession<Columns, Key[number]>, Key[number]> {
  const withSession = options.key.includes('sessionId')
    ? { sessionId: t.string(), ...columns }
    : columns;
  return {
    kind: 'state',
    columns: withSession as WithSession<Columns, Key[number]>,
    key: options.key,
    indexes: options.indexes ?? {},
    description: options.description,
  };
}

/** What a state table needs beside its columns. */
export interface StateTableOptions<Columns, Key extends readonly string[]> extends TableOptions {
  /**
   * The columns that name a row, in order: not optional, and of a kind whose equality is certain
   * (no floats, json or bytes). `sessionId` begins the key or is not in it.
   */
  readonly key: Key;
  /** Columns by which rows are looked up, in order, each index under a name. */
  readonly indexes?:
    | {
        readonly [index: string]: readonly (KeyColumnName<Columns> | (Key[number] & 'sessionId'))[];
      }
    | undefined;
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
