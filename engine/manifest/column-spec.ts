import type { ScalarKind } from '../model/types.ts';

/** Carries a type and no value: the property never exists. */
declare const valueType: unique symbol;

/** A column as the builder sees it: its definition without the name, and its type. */
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
  readonly [valueType]?: Value;
}

export type ColumnSpecs = { readonly [column: string]: ColumnSpec };

/** A scalar column before its last modifier. */
export interface ColumnBuilder<Kind extends ScalarKind, Value>
  extends ColumnSpec<Kind, Value, false, false> {
  /** The column may hold null. */
  optional(): ColumnSpec<Kind, Value, true, false>;
}

/** What a row holds in a column; see `Scalar` for the shapes. */
export type ColumnValue<Spec> =
  Spec extends ColumnSpec<ScalarKind, infer Value, infer Optional, infer List>
    ? (List extends true ? readonly Value[] : Value) | (Optional extends true ? null : never)
    : never;

export type IntegerKind = 'i8' | 'i16' | 'i32' | 'i64' | 'u8' | 'u16' | 'u32' | 'u64';
export type FloatKind = 'f32' | 'f64';

/** Names of the scalar columns of some kinds. */
export type NameOfKind<Columns, Kind extends ScalarKind> = {
  [Name in keyof Columns & string]: Columns[Name] extends ColumnSpec<Kind, unknown, boolean, false>
    ? Name
    : never;
}[keyof Columns & string];

/** Columns whose equality is certain: they may name a group or stand in a key or an index. */
export type KeyColumnName<Columns> = NameOfKind<
  Columns,
  Exclude<ScalarKind, FloatKind | 'json' | 'bytes'>
>;

/** The column types of a manifest. */
export const t = {
  bool: () => scalar<'bool', boolean>('bool'),
  i8: () => scalar<'i8', number>('i8'),
  i16: () => scalar<'i16', number>('i16'),
  i32: () => scalar<'i32', number>('i32'),
  i64: () => scalar<'i64', bigint>('i64'),
  u8: () => scalar<'u8', number>('u8'),
  u16: () => scalar<'u16', number>('u16'),
  u32: () => scalar<'u32', number>('u32'),
  u64: () => scalar<'u64', bigint>('u64'),
  f32: () => scalar<'f32', number>('f32'),
  f64: () => scalar<'f64', number>('f64'),
  string: () => scalar<'string', string>('string'),
  uuid: () => scalar<'uuid', string>('uuid'),
  /** Milliseconds since 1970 UTC. */
  timestamp: () => scalar<'timestamp', number>('timestamp'),
  /** Held as JSON text. */
  json: () => scalar<'json', string>('json'),
  bytes: () => scalar<'bytes', Uint8Array>('bytes'),
  /** New values may be added at the end later; the order is what is stored. */
  enum: <const Values extends readonly [string, ...string[]]>(...values: Values) =>
    builder<'enum', Values[number]>('enum', values),
  /** A list of scalars without nulls, possibly empty; in event and action tables only. */
  list: <Kind extends Exclude<ScalarKind, 'json'>, Value>(
    element: ColumnSpec<Kind, Value, false, false>,
  ): ColumnSpec<Kind, Value, false, true> => ({
    kind: element.kind,
    isOptional: false,
    isList: true,
    values: element.values,
  }),
} as const;

function scalar<Kind extends ScalarKind, Value>(kind: Kind): ColumnBuilder<Kind, Value> {
  return builder(kind, []);
}

function builder<Kind extends ScalarKind, Value>(
  kind: Kind,
  values: readonly string[],
): ColumnBuilder<Kind, Value> {
  const spec = { kind, isList: false, values } as const;
  return {
    ...spec,
    isOptional: false,
    optional: () => ({ ...spec, isOptional: true }),
  };
}
