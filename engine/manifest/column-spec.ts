import type { PersonalRule, ScalarKind } from '../model/types.ts';

/** Carries a type and no value: the property never exists. */
declare const valueType: unique symbol;

/** A column as the builder sees it: its definition without the name, and its type. `t` makes them. */
export interface ColumnSpec<
  Kind extends ScalarKind = ScalarKind,
  Value = unknown,
  Optional extends boolean = boolean,
  List extends boolean = boolean,
> {
  readonly kind: Kind;
  readonly isOptional: Optional;
  readonly isList: List;
  readonly values: readonly string[];
  readonly description?: string | undefined;
  readonly personalRule?: PersonalRule | undefined;
  readonly [valueType]?: Value;
}

export type ColumnSpecs = { readonly [column: string]: ColumnSpec };

/** A column that may still be described. */
export interface DescribableColumn<
  Kind extends ScalarKind,
  Value,
  Optional extends boolean,
  List extends boolean,
> extends ColumnSpec<Kind, Value, Optional, List> {
  /**
   * Says what the column is, for whoever reads the API: it stands in the GraphQL schema, in hovers of
   * the generated SDK and in `manifest.json`. It can be changed at any time.
   */
  describe(description: string): ColumnSpec<Kind, Value, Optional, List>;
}

/** A scalar column before its last modifier. */
export interface ColumnBuilder<Kind extends ScalarKind, Value>
  extends ColumnSpec<Kind, Value, false, false> {
  /**
   * The column may hold null, and may be left out when a row is written. A column that is added to a
   * table with rows must be optional: older rows have null there.
   */
  optional(): DescribableColumn<Kind, Value, true, false>;
  /**
   * Says what the column is, for whoever reads the API: it stands in the GraphQL schema, in hovers of
   * the generated SDK and in `manifest.json`. It can be changed at any time.
   */
  describe(description: string): ColumnBuilder<Kind, Value>;
}

/** Whose the values of a personal column are. */
export interface PersonalOptions {
  /**
   * The column of the same row that names the person, such as `playerId`: not optional, and in a state
   * table one of the key. Left out, each value names a person of its own.
   */
  readonly subject?: string | undefined;
}

/** A text column before its last modifier: it may be personal. */
export interface TextColumnBuilder extends ColumnBuilder<'string', string> {
  /**
   * The column's values are of a person: an e-mail address, a name, an account. They are stored in the
   * title's vault alone and stand as tokens everywhere else, so that `tickloom erase` can forget them.
   * Conditions may ask for equality; nothing is ordered by it. It cannot be changed once there are rows.
   */
  personal(options?: PersonalOptions): TextColumnBuilder;
  optional(): DescribableText<true>;
  describe(description: string): TextColumnBuilder;
}

/** An optional text column that may still be described, or be made personal. */
export interface DescribableText<Optional extends boolean>
  extends ColumnSpec<'string', string, Optional, false> {
  /**
   * The column's values are of a person: an e-mail address, a name, an account. They are stored in the
   * title's vault alone and stand as tokens everywhere else, so that `tickloom erase` can forget them.
   * Conditions may ask for equality; nothing is ordered by it. It cannot be changed once there are rows.
   */
  personal(options?: PersonalOptions): DescribableText<Optional>;
  /**
   * Says what the column is, for whoever reads the API: it stands in the GraphQL schema, in hovers of
   * the generated SDK and in `manifest.json`. It can be changed at any time.
   */
  describe(description: string): DescribableText<Optional>;
}

/** What a row holds in a column; see `Scalar` for the shapes. */
export type ColumnValue<Spec> =
  Spec extends ColumnSpec<ScalarKind, infer Value, infer Optional, infer List>
    ? (List extends true ? readonly Value[] : Value) | (Optional extends true ? null : never)
    : never;

export type IntegerKind = 'i8' | 'i16' | 'i32' | 'i64' | 'u8' | 'u16' | 'u32' | 'u64';
export type FloatKind = 'f32' | 'f64';

export interface Vec3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Names of the scalar columns of some kinds. */
export type NameOfKind<Columns, Kind extends ScalarKind> = {
  [Name in keyof Columns & string]: Columns[Name] extends ColumnSpec<Kind, unknown, boolean, false>
    ? Name
    : never;
}[keyof Columns & string];

/** Columns whose equality is certain: they may name a group or stand in a key or an index. */
export type KeyColumnName<Columns> = NameOfKind<
  Columns,
  Exclude<ScalarKind, FloatKind | 'json' | 'bytes' | 'vec3'>
>;

/**
 * The column types of a manifest. Each takes `.optional()` (may be null) and `.describe('…')`.
 *
 * ```ts
 * { unitId: t.u32(), name: t.string().optional().describe('As its player called it.') }
 * ```
 */
export const t = {
  /** True or false. */
  bool: () => scalar<'bool', boolean>('bool'),
  /** A signed 8-bit integer, -128 to 127. */
  i8: () => scalar<'i8', number>('i8'),
  /** A signed 16-bit integer, -32,768 to 32,767. */
  i16: () => scalar<'i16', number>('i16'),
  /** A signed 32-bit integer, -2,147,483,648 to 2,147,483,647. */
  i32: () => scalar<'i32', number>('i32'),
  /** A signed 64-bit integer; `bigint` in TypeScript, a string or safe integer in JSON. */
  i64: () => scalar<'i64', bigint>('i64'),
  /** An unsigned 8-bit integer, 0 to 255. */
  u8: () => scalar<'u8', number>('u8'),
  /** An unsigned 16-bit integer, 0 to 65,535. */
  u16: () => scalar<'u16', number>('u16'),
  /** An unsigned 32-bit integer, 0 to 4,294,967,295; GraphQL writes it up to 2,147,483,647. */
  u32: () => scalar<'u32', number>('u32'),
  /** An unsigned 64-bit integer; `bigint` in TypeScript, a string or safe integer in JSON. */
  u64: () => scalar<'u64', bigint>('u64'),
  /** A 32-bit floating-point number, finite. Never part of a key, an index or a group. */
  f32: () => scalar<'f32', number>('f32'),
  /** A 64-bit floating-point number, finite. Never part of a key, an index or a group. */
  f64: () => scalar<'f64', number>('f64'),
  /** Text; `.personal()` where it is of a person. */
  string: (): TextColumnBuilder => text({}),
  /** A UUID: written in any case, read in lower case with dashes. */
  uuid: () => scalar<'uuid', string>('uuid'),
  /** A moment, to the millisecond: `Date` in the SDK, ISO 8601 in GraphQL. */
  timestamp: () => scalar<'timestamp', number>('timestamp'),
  /** Any JSON value, held as its text. Never part of a key, an index or a group. */
  json: () => scalar<'json', string>('json'),
  /** Bytes: `Uint8Array` in the SDK, base64 in GraphQL. Never part of a key, an index or a group. */
  // Written out: what is inferred, `Uint8Array<ArrayBufferLike>`, TypeScript 5.6 does not know.
  bytes: (): ColumnBuilder<'bytes', Uint8Array> => scalar('bytes'),
  /**
   * Three f32, a position or a velocity: `{ x, y, z }`. Conditions and orders are on its parts; never part of a
   * key, an index, a group or a list.
   */
  vec3: () => scalar<'vec3', Vec3>('vec3'),
  /**
   * One of some values: `t.enum('MOVE', 'ATTACK')`. New values may be added at the end later; their
   * order is what is stored.
   */
  enum: <const Values extends readonly [string, ...string[]]>(...values: Values) =>
    builder<'enum', Values[number]>('enum', values),
  /** A list of scalars without nulls, possibly empty: `t.list(t.u32())`; in event and action tables only. */
  list: <Kind extends Exclude<ScalarKind, 'json' | 'vec3'>, Value>(
    element: ColumnSpec<Kind, Value, false, false>,
  ): DescribableColumn<Kind, Value, false, true> =>
    describable({
      kind: element.kind,
      isOptional: false,
      isList: true,
      values: element.values,
      // Refused by the check of the manifest; lost here it would be a value in clear.
      personalRule: element.personalRule,
    }),
} as const;

function scalar<Kind extends ScalarKind, Value>(kind: Kind): ColumnBuilder<Kind, Value> {
  return builder(kind, []);
}

type TextModifiers = Pick<ColumnSpec, 'description' | 'personalRule'>;

function text(modifiers: TextModifiers): TextColumnBuilder {
  return {
    kind: 'string',
    isList: false,
    values: [],
    ...modifiers,
    isOptional: false,
    personal: (options) => text({ ...modifiers, personalRule: ruleOf(options) }),
    optional: () => optionalText(modifiers),
    describe: (description) => text({ ...modifiers, description }),
  };
}

function optionalText(modifiers: TextModifiers): DescribableText<true> {
  return {
    kind: 'string',
    isList: false,
    values: [],
    ...modifiers,
    isOptional: true,
    personal: (options) => optionalText({ ...modifiers, personalRule: ruleOf(options) }),
    describe: (description) => optionalText({ ...modifiers, description }),
  };
}

function ruleOf({ subject }: PersonalOptions = {}): PersonalRule {
  return { subject: subject ?? null };
}

function builder<Kind extends ScalarKind, Value>(
  kind: Kind,
  values: readonly string[],
  description?: string,
): ColumnBuilder<Kind, Value> {
  const spec = { kind, isList: false, values, description } as const;
  return {
    ...spec,
    isOptional: false,
    optional: () => describable({ ...spec, isOptional: true }),
    describe: (text) => builder(kind, values, text),
  };
}

function describable<
  Kind extends ScalarKind,
  Value,
  Optional extends boolean,
  List extends boolean,
>(spec: ColumnSpec<Kind, Value, Optional, List>): DescribableColumn<Kind, Value, Optional, List> {
  return { ...spec, describe: (description) => ({ ...spec, description }) };
}
