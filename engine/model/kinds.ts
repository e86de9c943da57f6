import type { ColumnDefinition, ScalarKind } from './types.ts';

/** Kinds by which plain numbers are laid out. */
export type NumberKind = Extract<ScalarKind, `${'i' | 'u' | 'f'}${number}`>;

export type FixedValues =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** The typed array in which elements lie. */
export interface FixedArray {
  new (length: number): FixedValues;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): FixedValues;
  readonly BYTES_PER_ELEMENT: number;
}

/** How a column's values lie in memory; see `vectors/column-vector.ts`. */
export type KindLayout = 'fixed' | 'strided' | 'bool' | 'binary';

/** What a value is: how one from outside is read, and what JavaScript makes of it. */
export type ValueForm =
  | 'bool'
  | 'integer'
  | 'float'
  | 'timestamp'
  | 'text'
  | 'enum'
  | 'json'
  | 'uuid'
  | 'bytes'
  | 'parts';

/** Arrow's type of a scalar in the log's record batches and in checkpoints. */
export type ArrowScalar =
  | { readonly kind: 'bool' }
  | { readonly kind: 'number'; readonly as: NumberKind }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly zone: string | null }
  | { readonly kind: 'binary'; readonly isText: boolean; readonly isLarge: boolean }
  | { readonly kind: 'fixedBinary'; readonly width: number }
  | { readonly kind: 'fixedList'; readonly as: NumberKind; readonly size: number };

export type TimeUnit = 'SECOND' | 'MILLISECOND' | 'MICROSECOND' | 'NANOSECOND';

/** How a live row holds the value: as so many words, read as this, or as an id in the byte pool. */
export type WordKind = 'bool' | 'u32' | 'i32' | 'f32' | 'enum' | 'f64' | 'i64' | 'u64' | 'pool';

/**
 * What conditions may ask: everything, all but `like`, whether values are equal, or nothing but
 * whether there is one.
 */
export type Comparisons = 'text' | 'order' | 'equality' | 'presence';

/** All that a room needs to know of a kind. */
export interface Kind {
  readonly form: ValueForm;
  readonly layout: KindLayout;
  /** The array of a `fixed` or `strided` layout; `stride` is how many of its elements a row has. */
  readonly elements: FixedArray | null;
  readonly stride: number;
  /** The names of the elements of which a value is made, and their kind; null of one value. */
  readonly parts: { readonly names: readonly string[]; readonly kind: NumberKind } | null;
  /** Inclusive; of integers and of times. */
  readonly range: readonly [low: number, high: number] | null;
  /** Values are bigint; inclusive. */
  readonly wideRange: readonly [low: bigint, high: bigint] | null;
  readonly word: WordKind;
  readonly arrow: ArrowScalar;
  readonly comparisons: Comparisons;
  /** Why equal values cannot be told for certain, so that none names a row; null where they can. */
  readonly identityProblem: string | null;
  /** Rows can be ordered and grouped by it. */
  readonly ordersRows: boolean;
  /** The kind of a sum; null of what is not added. */
  readonly sum: 'i64' | 'u64' | 'f64' | null;
  /** Lists may hold it. */
  readonly isListable: boolean;
  /** Values have a least and a greatest. */
  readonly hasExtremes: boolean;
  /** ClickHouse's type; of an enum its values make it. */
  readonly clickHouse: string;
  /** The scalar of GraphQL. */
  readonly graphql: string;
  /** What the schema says a value is. */
  readonly description: string;
}

type Given = Pick<
  Kind,
  'form' | 'layout' | 'word' | 'arrow' | 'comparisons' | 'clickHouse' | 'graphql' | 'description'
>;

/** What is so of most kinds that are not numbers. */
function kind(given: Given & Partial<Kind>): Kind {
  return {
    elements: null,
    stride: 1,
    parts: null,
    range: null,
    wideRange: null,
    identityProblem: null,
    ordersRows: true,
    sum: null,
    isListable: true,
    hasExtremes: false,
    ...given,
  };
}

function number(
  as: NumberKind,
  elements: FixedArray,
  given: Pick<Kind, 'form' | 'word' | 'sum' | 'clickHouse' | 'graphql' | 'description'> &
    Partial<Kind>,
): Kind {
  return kind({
    layout: 'fixed',
    elements,
    arrow: { kind: 'number', as },
    comparisons: 'order',
    hasExtremes: true,
    ...given,
  });
}

function integer(as: NumberKind, elements: FixedArray, isSigned: boolean, note = ''): Kind {
  const bits = elements.BYTES_PER_ELEMENT * 8;
  const low = isSigned ? -(1n << BigInt(bits - 1)) : 0n;
  const high = (1n << BigInt(isSigned ? bits - 1 : bits)) - 1n;
  const isWide = bits === 64;
  return number(as, elements, {
    form: 'integer',
    word: isSigned ? (isWide ? 'i64' : 'i32') : isWide ? 'u64' : 'u32',
    sum: isSigned ? 'i64' : 'u64',
    range: isWide ? null : [Number(low), Number(high)],
    wideRange: isWide ? [low, high] : null,
    clickHouse: `${isSigned ? 'Int' : 'UInt'}${bits}`,
    graphql: isWide ? 'BigInt' : 'Int',
    description: `${isSigned ? 'a signed' : 'an unsigned'} ${bits}-bit integer${note}`,
  });
}

function float(as: 'f32' | 'f64', elements: FixedArray): Kind {
  const bits = elements.BYTES_PER_ELEMENT * 8;
  return number(as, elements, {
    form: 'float',
    word: as,
    sum: 'f64',
    identityProblem: 'is a float, whose equality depends on rounding; use an integer',
    clickHouse: `Float${bits}`,
    graphql: 'Float',
    description: `a ${bits}-bit floating-point number, finite`,
  });
}

function binary(given: Omit<Given, 'layout' | 'word' | 'arrow' | 'clickHouse'> & Partial<Kind>) {
  return kind({
    layout: 'binary',
    word: 'pool',
    arrow: { kind: 'binary', isText: given.form !== 'bytes', isLarge: false },
    clickHouse: 'String',
    ...given,
  });
}

/** What a `Date` can hold, either side of 1970. */
const timestampMsMax = 8_640_000_000_000_000;

/** The kinds of a column. Whatever depends on a kind is looked up here, by every room. */
export const kinds: { readonly [Name in ScalarKind]: Kind } = {
  bool: kind({
    form: 'bool',
    layout: 'bool',
    word: 'bool',
    arrow: { kind: 'bool' },
    comparisons: 'equality',
    clickHouse: 'Bool',
    graphql: 'Boolean',
    description: 'true or false',
  }),
  i8: integer('i8', Int8Array, true),
  i16: integer('i16', Int16Array, true),
  i32: integer('i32', Int32Array, true),
  i64: integer('i64', BigInt64Array, true),
  u8: integer('u8', Uint8Array, false),
  u16: integer('u16', Uint16Array, false),
  u32: integer('u32', Uint32Array, false, ' (GraphQL writes up to 2147483647, Arrow all of it)'),
  u64: integer('u64', BigUint64Array, false),
  f32: float('f32', Float32Array),
  f64: float('f64', Float64Array),
  string: binary({
    form: 'text',
    comparisons: 'text',
    hasExtremes: true,
    graphql: 'String',
    description: 'text',
  }),
  /** Held as the ordinal of a value. */
  enum: kind({
    form: 'enum',
    layout: 'fixed',
    elements: Uint16Array,
    word: 'enum',
    arrow: { kind: 'number', as: 'u16' },
    comparisons: 'equality',
    clickHouse: 'Enum16',
    graphql: 'String',
    description: 'one of the values of its enum',
  }),
  uuid: kind({
    form: 'uuid',
    layout: 'strided',
    elements: Uint8Array,
    stride: 16,
    word: 'pool',
    arrow: { kind: 'fixedBinary', width: 16 },
    comparisons: 'equality',
    clickHouse: 'UUID',
    graphql: 'ID',
    description: 'a UUID, in lower case',
  }),
  /** Held as milliseconds since 1970. */
  timestamp: kind({
    form: 'timestamp',
    layout: 'fixed',
    elements: BigInt64Array,
    range: [-timestampMsMax, timestampMsMax],
    word: 'i64',
    arrow: { kind: 'timestamp', unit: 'MILLISECOND', zone: 'UTC' },
    comparisons: 'order',
    hasExtremes: true,
    clickHouse: "DateTime64(3, 'UTC')",
    graphql: 'DateTime',
    description: 'a moment, to the millisecond',
  }),
  json: binary({
    form: 'json',
    comparisons: 'presence',
    identityProblem: 'is json, which has many spellings of one value; use a scalar',
    ordersRows: false,
    isListable: false,
    graphql: 'JSON',
    description: 'a JSON value',
  }),
  bytes: binary({
    form: 'bytes',
    comparisons: 'equality',
    identityProblem: 'is bytes, which JSON cannot name; use a uuid or a string',
    ordersRows: false,
    graphql: 'Bytes',
    description: 'bytes, as base64',
  }),
  vec3: kind({
    form: 'parts',
    layout: 'strided',
    elements: Float32Array,
    stride: 3,
    parts: { names: ['x', 'y', 'z'], kind: 'f32' },
    word: 'f32',
    arrow: { kind: 'fixedList', as: 'f32', size: 3 },
    comparisons: 'presence',
    identityProblem: 'is a vec3, whose equality depends on rounding; use integers',
    ordersRows: false,
    isListable: false,
    clickHouse: 'Tuple(x Float32, y Float32, z Float32)',
    graphql: 'Vec3',
    description: 'three 32-bit floating-point numbers, finite: a position or a velocity',
  }),
};

export const scalarKinds = Object.keys(kinds) as readonly ScalarKind[];

export function kindOf(column: ColumnDefinition): Kind {
  return kinds[column.kind];
}

/** The typed array that holds a kind's elements. */
export function elementsOf(kind: ScalarKind): FixedArray {
  const { elements } = kinds[kind];
  if (!elements) throw new RangeError(`${kind} is not of fixed width`);
  return elements;
}

/** Whether the column holds floating-point numbers, alone or as parts. */
export function holdsFloats(column: ColumnDefinition): boolean {
  const { elements } = kindOf(column);
  return elements === Float32Array || elements === Float64Array;
}

/** Whether a value lies in 64 bits that are an integer: of a time too. */
export function isWide(column: ColumnDefinition): boolean {
  const { elements } = kindOf(column);
  return elements === BigInt64Array || elements === BigUint64Array;
}

/** The parts of a column as columns of their own, named `<column>.<part>`; none of one value. */
export function partColumns(column: ColumnDefinition): readonly ColumnDefinition[] {
  const { parts } = kindOf(column);
  if (!parts) return [];
  return parts.names.map((part) => ({
    ...column,
    name: `${column.name}.${part}`,
    kind: parts.kind,
  }));
}

/** The column of which `name` is a part; null of a whole column. */
export function wholeName(name: string): string | null {
  const dot = name.indexOf('.');
  return dot === -1 ? null : name.slice(0, dot);
}

/** The column of that name, or the part of one. */
export function columnOrPart(
  find: (name: string) => ColumnDefinition | undefined,
  name: string,
): ColumnDefinition | undefined {
  const whole = wholeName(name);
  if (whole === null) return find(name);
  const column = find(whole);
  return column && partColumns(column).find((part) => part.name === name);
}

export function columnNamed(
  columns: readonly ColumnDefinition[],
  name: string,
): ColumnDefinition | undefined {
  return columnOrPart((wanted) => columns.find((column) => column.name === wanted), name);
}

/** A column that can be added to: a number, or parts that are. */
export function isAdjustable(column: ColumnDefinition): boolean {
  return isNumeric(column) || (!column.list && kindOf(column).parts !== null);
}

/** A column that can be added to and summed. */
export function isNumeric(column: ColumnDefinition): boolean {
  return !column.list && kindOf(column).sum !== null;
}

/** The system's column of that name: text whose order is not that of the log. */
export function isPosition(column: ColumnDefinition): boolean {
  return column.name === 'position' && column.kind === 'string';
}

/** The elements of a list, or the values of a column, as a column without nulls. */
export function elementColumn(column: ColumnDefinition): ColumnDefinition {
  return column.list || column.optional ? { ...column, list: false, optional: false } : column;
}
