/**
 * A title's manifest, as plain data: what `defineTitle` produces, what is stored as JSON, and what
 * every other room reads. Nothing here has behaviour; see `define-title.ts` for the typed builder.
 */

/** The scalar kinds a column may hold. `enum` carries its values in the column. */
export type ScalarKind =
  | 'bool'
  | 'i8'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'string'
  | 'enum'
  | 'uuid'
  | 'timestamp'
  | 'json'
  | 'bytes'
  | 'vec3';

/**
 * One value of a column, in memory.
 *
 * | kind | JavaScript |
 * |---|---|
 * | bool | boolean |
 * | i8…i32, u8…u32, f32, f64 | number |
 * | i64, u64 | bigint |
 * | string, enum, uuid (lower-case, with dashes) | string |
 * | timestamp | number, milliseconds since 1970 UTC |
 * | json | string: the JSON text |
 * | bytes | Uint8Array |
 * | vec3 | `{ x, y, z }`, numbers |
 * | a list | array of the above |
 */
export type Scalar = boolean | number | bigint | string | Uint8Array | Parts;
/** A value of several numbers, each under the name of its part. */
export type Parts = { readonly [part: string]: number };
export type Value = Scalar | readonly Scalar[] | null;
/** A row as an object; used at the edges, never on the hot path. */
export type Row = { readonly [column: string]: Value };

export interface ColumnDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly kind: ScalarKind;
  /** May hold null. */
  readonly optional: boolean;
  /** A list of scalars; allowed in event and action tables only. Elements are never null. */
  readonly list: boolean;
  /** The values of an `enum`, in their stored order (the ordinal is the index); else empty. */
  readonly values: readonly string[];
}

/**
 * - `action`: one row a player command, with a verdict. A title has exactly one.
 * - `event`: append-only rows of a session.
 * - `state`: live rows by key, versioned, compare-and-swapped.
 */
export type TableKind = 'action' | 'event' | 'state';

export interface IndexDefinition {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface TableDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly kind: TableKind;
  /**
   * The declared columns in manifest order, key columns included, system columns not.
   * In state tables with a `sessionId` in the key that column stands here too (kind `string`).
   */
  readonly columns: readonly ColumnDefinition[];
  /** State tables: the key's columns in order. Others: empty. */
  readonly key: readonly string[];
  /** State tables: secondary indexes. Others: empty. */
  readonly indexes: readonly IndexDefinition[];
}

/** A condition in the language of `where`, as data: see `query/condition.ts`. */
export type WhereInput = { readonly [columnOrConnective: string]: unknown };

/**
 * The rows of a role's rule: whose column equals a claim of the token; or a condition in the language
 * of `where`, in which `{ claim: 'player_id' }` stands for what the token says. See `query/claimed-where.ts`.
 */
export type RowRule = { readonly column: string; readonly claim: string } | WhereInput;

/** One aggregate of a view's column. All are exact and incremental over appended rows. */
export type ViewAggregate =
  | { readonly op: 'count'; readonly where?: WhereInput }
  | { readonly op: 'countDistinct'; readonly column: string; readonly where?: WhereInput }
  | { readonly op: 'sum'; readonly column: string; readonly where?: WhereInput }
  | { readonly op: 'min'; readonly column: string; readonly where?: WhereInput }
  | { readonly op: 'max'; readonly column: string; readonly where?: WhereInput }
  /** Sum of the lengths of a list column. */
  | { readonly op: 'sumLength'; readonly column: string; readonly where?: WhereInput };

export interface ViewColumnDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly aggregate: ViewAggregate;
}

/** Groups rows of an event or action table by columns, and by windows of ticks where asked. */
export interface GroupViewDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly kind: 'group';
  readonly from: string;
  /** Columns of the source, system columns included; they are the view's key, in order. */
  readonly groupBy: readonly string[];
  /** When given, the key ends with `tickWindow u32`: the window's first tick. */
  readonly tickWindow: number | null;
  readonly columns: readonly ViewColumnDefinition[];
}

/** The first `limit` rows of a group view within each partition, by one of its columns, descending. */
export interface TopViewDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly kind: 'top';
  /** A group view of the same title. */
  readonly from: string;
  readonly partitionBy: readonly string[];
  readonly orderBy: string;
  readonly limit: number;
}

export type ViewDefinition = GroupViewDefinition | TopViewDefinition;

export type QueryClass = 'GAMEPLAY' | 'OPERATOR' | 'ARCHIVAL';

/** What a role may do with the title as a whole. */
export type Capability =
  | 'session' // open and close sessions
  | 'commit' // commit ticks
  | 'sql'
  | 'export'
  | 'explain'
  | 'kill'
  | 'audit'
  | 'manifest'
  | 'roles'
  | 'backup';

export interface TableGrant {
  readonly table: string;
  /** Rows by key, lists, and row subscriptions. */
  readonly read: boolean;
  /** Grouped aggregates. */
  readonly aggregate: boolean;
  /** Effects in ticks and compare-and-set. */
  readonly write: boolean;
  /** Rows may be added, and none that are there be changed; `write` includes it. Absent: they may not. */
  readonly append?: true;
  /** The rows the role may read. Null: all rows. */
  readonly rowFilter: RowRule | null;
  /** Columns that are not there for the role. None where it is left out; so are the next two. */
  readonly hidden?: readonly string[];
  /** Columns of which the role sees something else. */
  readonly masked?: readonly ColumnMask[];
  /** The only columns the role may write, where it may not write all. */
  readonly writable?: readonly string[];
}

/** What stands in the place of a value: null, or a pseudonym (a keyed hash, the same for equal values). */
export type ColumnMaskKind = 'null' | 'hash';

export interface ColumnMask {
  readonly column: string;
  readonly as: ColumnMaskKind;
}

/** How much may be asked for; what is left out has no bound. */
export interface UseLimits {
  /** Requests and operations, ticks among them. */
  readonly requestsPerSecond?: number;
  /** Requests beyond `requestsPerSecond` that may come in ten seconds. */
  readonly burst?: number;
  /** Bytes of requests and answers; neither frames of subscriptions nor exports. */
  readonly bytesPerSecond?: number;
  readonly ticksPerSecond?: number;
  readonly rowsReadPerMinute?: number;
  /** Subscriptions at the same time. */
  readonly subscriptions?: number;
  readonly exportsPerHour?: number;
}

/** The bounds of each client of a role, a client being a subject. */
export interface RoleLimits extends UseLimits {
  /** Export links that have not expired. */
  readonly exportsKept?: number;
  /** The bounds of all clients of the role together. */
  readonly together?: UseLimits;
}

export interface RoleDefinition {
  readonly name: string;
  /** What its author says of it, for whoever reads the API; it changes nothing else. */
  readonly description?: string;
  readonly class: QueryClass;
  /** Left out: those of `defaultLimits`, which bound players and nobody else. */
  readonly limits?: RoleLimits;
  readonly capabilities: readonly Capability[];
  readonly tables: readonly TableGrant[];
  /** Names of the views it may read and subscribe to. */
  readonly views: readonly string[];
  /** What it reads is recorded in the audit log; absent: only what it does. */
  readonly auditReads?: true;
}

export interface TitleManifest {
  /** The version of this JSON format. */
  readonly format: 1;
  /** The title's name: `[a-z][a-z0-9-]*`, part of URLs. */
  readonly title: string;
  /** The studio's own version of the manifest, rising by one a migration. */
  readonly version: number;
  readonly tables: readonly TableDefinition[];
  readonly views: readonly ViewDefinition[];
  readonly roles: readonly RoleDefinition[];
}
