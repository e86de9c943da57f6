import type { ColumnDefinition, Row, Scalar, Value, ViewAggregate } from '../model/types.ts';
import { compareScalars } from '../query/compare-values.ts';
import type { Condition } from '../query/condition.ts';
import { parseWhere } from '../query/parse-where.ts';
import { rowPredicate } from '../query/row-predicate.ts';

/**
 * How far a shadow's sum of floats may lie from the view's, as a share of the magnitude of what was
 * added: the view's sum is compensated, the shadow's is not.
 */
const floatTolerance = 1e-9;

/** One aggregate of one group. */
export interface ShadowValue {
  /** The value as the view showed it at the last check, or as the first row of the group finds it. */
  value: Value;
  /** The values that `countDistinct` has seen since this shadow began. */
  readonly seen: Set<unknown>;
  /** How many values `countDistinct` had in the group when this shadow began. */
  readonly seenBefore: bigint;
  /** The magnitude of what was added to a sum of floats. */
  magnitude: number;
}

/**
 * An aggregate as its definition says it, row by row and in plain values: what `views/` does in
 * columns, done in another way.
 */
export class ShadowAggregate {
  readonly name: string;
  readonly #definition: ViewAggregate;
  readonly #isFloatSum: boolean;
  readonly #matches: (row: Row) => boolean;

  constructor(
    name: string,
    definition: ViewAggregate,
    column: ColumnDefinition,
    source: ReadonlyMap<string, ColumnDefinition>,
  ) {
    this.name = name;
    this.#definition = definition;
    this.#isFloatSum = definition.op === 'sum' && column.kind === 'f64';
    const where: Condition | null =
      definition.where === undefined ? null : parseWhere(source, definition.where, name);
    this.#matches = rowPredicate(where);
  }

  /** The aggregate's shadow in a group before its first row. */
  first(): ShadowValue {
    const { op } = this.#definition;
    const value = op === 'min' || op === 'max' ? null : this.#isFloatSum ? 0 : 0n;
    return { value, seen: new Set(), seenBefore: 0n, magnitude: 0 };
  }

  /** The aggregate's shadow in a group that the view has already, where it shows `value`. */
  known(value: Value): ShadowValue {
    const seenBefore = this.#definition.op === 'countDistinct' ? (value as bigint) : 0n;
    const magnitude = this.#isFloatSum ? Math.abs(value as number) : 0;
    return { value, seen: new Set(), seenBefore, magnitude };
  }

  add(held: ShadowValue, row: Row): void {
    if (!this.#matches(row)) return;
    const definition = this.#definition;
    if (definition.op === 'count') {
      held.value = (held.value as bigint) + 1n;
      return;
    }
    const value = row[definition.column] ?? null;
    if (value === null) return;
    switch (definition.op) {
      case 'countDistinct':
        held.seen.add(value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value);
        return;
      case 'sumLength':
        held.value = (held.value as bigint) + BigInt((value as readonly Scalar[]).length);
        return;
      case 'sum':
        if (this.#isFloatSum) {
          held.value = (held.value as number) + (value as number);
          held.magnitude += Math.abs(value as number);
        } else {
          held.value = (held.value as bigint) + BigInt(value as number | bigint);
        }
        return;
      case 'min':
      case 'max': {
        const order =
          held.value === null ? 0 : compareScalars(value as Scalar, held.value as Scalar);
        const sign = definition.op === 'min' ? -1 : 1;
        if (held.value === null || order * sign > 0) held.value = value;
      }
    }
  }

  /** Whether the view may show this value; what it shows is where the next check begins. */
  admits(held: ShadowValue, shown: Value): boolean {
    if (this.#definition.op === 'countDistinct') {
      const now = shown as bigint;
      const isWithin =
        now >= (held.value as bigint) &&
        now >= BigInt(held.seen.size) &&
        now <= held.seenBefore + BigInt(held.seen.size);
      held.value = now;
      return isWithin;
    }
    if (this.#isFloatSum && held.value !== shown) {
      const isNear =
        Math.abs((held.value as number) - (shown as number)) <= held.magnitude * floatTolerance;
      held.value = shown;
      return isNear || (!Number.isFinite(held.value) && !Number.isFinite(shown));
    }
    if (held.value instanceof Uint8Array && shown instanceof Uint8Array) {
      return Buffer.compare(held.value, shown) === 0;
    }
    return held.value === shown;
  }
}
