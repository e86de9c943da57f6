import type { WhereInput } from '../model/types.ts';

/** What may be said of an aggregate beside its column. */
export interface AggregateOptions {
  /** Only rows that match count: the language of `where` in queries, as data. */
  readonly where?: WhereInput | undefined;
  /** What the column says, for whoever reads the API. */
  readonly description?: string | undefined;
}

/**
 * The number of rows of a group, or of those that match.
 *
 * ```ts
 * columns: { orders: count(), rejected: count({ where: { accepted: { eq: false } } }) }
 * ```
 */
export function count<const Options extends AggregateOptions = NoOptions>(
  options?: Options,
): Counted<Options> {
  return { op: 'count', ...options } as Counted<Options>;
}

/** How many different values a column has; null is none. Not for floats, json, bytes and lists. */
export function countDistinct<
  const Column extends string,
  const Options extends AggregateOptions = NoOptions,
>(column: Column, options?: Options): Aggregated<'countDistinct', Column, Options> {
  return aggregate('countDistinct', column, options);
}

/**
 * The sum of a numeric column. Integers add up to 64 bits (`i64`, or `u64` of unsigned ones), floats
 * to `f64`; null adds nothing.
 */
export function sum<
  const Column extends string,
  const Options extends AggregateOptions = NoOptions,
>(column: Column, options?: Options): Aggregated<'sum', Column, Options> {
  return aggregate('sum', column, options);
}

/** The least value of a number, string or timestamp; null where no row of the group matches. */
export function min<
  const Column extends string,
  const Options extends AggregateOptions = NoOptions,
>(column: Column, options?: Options): Aggregated<'min', Column, Options> {
  return aggregate('min', column, options);
}

/** The greatest value of a number, string or timestamp; null where no row of the group matches. */
export function max<
  const Column extends string,
  const Options extends AggregateOptions = NoOptions,
>(column: Column, options?: Options): Aggregated<'max', Column, Options> {
  return aggregate('max', column, options);
}

/** The lengths of a list column, added up. */
export function sumLength<
  const Column extends string,
  const Options extends AggregateOptions = NoOptions,
>(column: Column, options?: Options): Aggregated<'sumLength', Column, Options> {
  return aggregate('sumLength', column, options);
}

function aggregate<Op extends string, Column extends string, Options extends AggregateOptions>(
  op: Op,
  column: Column,
  options: Options | undefined,
): Aggregated<Op, Column, Options> {
  return { op, column, ...options } as Aggregated<Op, Column, Options>;
}

/**
 * The members of an aggregate are those that were written: an optional `where` would mean another
 * type with `exactOptionalPropertyTypes` than without, and a studio's compiler may have either.
 */
type Counted<Options> = { readonly op: 'count' } & Options;
type Aggregated<Op extends string, Column extends string, Options> = {
  readonly op: Op;
  readonly column: Column;
} & Options;

type NoOptions = Readonly<Record<never, never>>;
