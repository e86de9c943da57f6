import { EngineError } from '../model/errors.ts';
import { type Kind, kindOf } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import type { ColumnVector } from './column-vector.ts';
import { BinaryStore, BitStore, FixedStore, GrowingVector, ListStore } from './growing-vector.ts';
import { listBound, tooLong, valueBound } from './value-bound.ts';

/** Puts a value, checked, behind those of a column; `place` names it in errors. */
type Push = (value: Scalar, place: () => string) => void;

/** Rows that a builder makes room for at first. */
const rowsInitial = 16;

/**
 * Gathers values of one column, in rows' order, into a vector, checking each against the column's
 * kind. `push` throws `BAD_USER_INPUT` with the place where a value does not fit; the builder must
 * then be dropped.
 */
export class VectorBuilder {
  readonly column: ColumnDefinition;
  readonly #rows: GrowingVector;
  /** The lists of a list column; `#items` has their elements, as a column of their own. */
  readonly #lists: ListStore | null;
  readonly #items: GrowingVector;
  readonly #push: Push;

  constructor(column: ColumnDefinition) {
    this.column = column;
    this.#rows = GrowingVector.of(column, rowsInitial);
    const { store } = this.#rows;
    this.#lists = store instanceof ListStore ? store : null;
    this.#items = this.#lists?.items ?? this.#rows;
    this.#push = pushInto(this.#items);
  }

  /** Undefined counts as null. `place` names the value in errors. */
  push(value: Value | undefined, place: () => string): void {
    if (value === null || value === undefined) {
      if (!this.column.optional) throw misfit(place, `is missing; it may not be null`);
      this.#rows.pushNull();
      return;
    }
    if (this.#lists) {
      if (!Array.isArray(value)) throw misfit(place, `must be a list of ${this.column.kind}`);
      if (value.length > limits.listElementsMax) {
        throw tooLong(value.length, listBound, place());
      }
      for (let i = 0; i < value.length; i++) {
        this.#push(value[i] as Scalar, () => `${place()}[${i}]`);
        this.#items.endRow();
      }
      this.#lists.endList();
    } else {
      this.#push(value as Scalar, place);
    }
    this.#rows.endRow();
  }

  build(): ColumnVector {
    return this.#rows.build();
  }
}

function misfit(place: () => string, complaint: string): EngineError {
  const path = place();
  return new EngineError('BAD_USER_INPUT', `${path} ${complaint}`, { details: { path } });
}

function pushInto({ column, store }: GrowingVector): Push {
  if (store instanceof BitStore) {
    return (value, place) => {
      if (typeof value !== 'boolean') throw misfit(place, `must be true or false`);
      store.bits.push(value);
    };
  }
  if (store instanceof BinaryStore)
    return kindOf(column).form === 'bytes' ? bytesInto(store) : textInto(store);
  if (store instanceof FixedStore) {
    return kindOf(column).layout === 'strided'
      ? elementsInto(column, store)
      : elementInto(store, elementOf(column));
  }
  throw new RangeError('lists do not nest');
}

type ElementOf = (value: Scalar, place: () => string) => number | bigint;

function elementInto(store: FixedStore, element: ElementOf): Push {
  return (value, place) => store.values.push(element(value, place));
}

/** How a value becomes the element of a `fixed` column. */
function elementOf(column: ColumnDefinition): ElementOf {
  const kind = kindOf(column);
  switch (kind.form) {
    case 'float':
      return (value, place) => {
        if (typeof value !== 'number') throw misfit(place, `must be a number`);
        return value;
      };
    case 'enum':
      return (value, place) => enumOrdinal(column, value, place);
    case 'timestamp':
      return (value, place) => {
        if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
          throw misfit(place, `must be a time in whole milliseconds since 1970`);
        }
        return BigInt(value);
      };
    default:
      return kind.wideRange ? wideInteger(kind.wideRange) : integer(kind);
  }
}

function integer({ range }: Kind): ElementOf {
  if (!range) throw new RangeError('an integer has a range');
  const [low, high] = range;
  return (value, place) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
      throw misfit(place, `must be a whole number from ${low} to ${high}`);
    }
    return value;
  };
}

function wideInteger([low, high]: readonly [bigint, bigint]): ElementOf {
  return (value, place) => {
    const whole = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof whole !== 'bigint' || whole < low || whole > high) {
      throw misfit(place, `must be a whole number from ${low} to ${high}`);
    }
    return whole;
  };
}

/** Throws `BAD_USER_INPUT` for what is not one of the enum's names. */
export function enumOrdinal(column: ColumnDefinition, value: Scalar, place: () => string): number {
  const ordinal = column.values.indexOf(value as string);
  if (ordinal < 0) throw misfit(place, `must be one of ${column.values.join(', ')}`);
  return ordinal;
}

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID's text, or null when it is not one. */
export function parseUuid(text: string): Uint8Array | null {
  return uuidPattern.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : null;
}

/** How a value becomes the elements of a `strided` column. */
function elementsInto(column: ColumnDefinition, store: FixedStore): Push {
  const { parts } = kindOf(column);
  if (parts) return partsInto(parts.names, store);
  return (value, place) => {
    const bytes = typeof value === 'string' ? parseUuid(value) : null;
    if (!bytes) throw misfit(place, `must be a UUID`);
    store.values.append(bytes, bytes.length);
  };
}

function partsInto(names: readonly string[], store: FixedStore): Push {
  return (value, place) => {
    const given = value as { readonly [part: string]: unknown };
    const isWhole =
      typeof value === 'object' &&
      Object.keys(value).length === names.length &&
      names.every((name) => typeof given[name] === 'number');
    if (!isWhole) throw misfit(place, `must be { ${names.join(', ')} }, each a number`);
    for (const name of names) store.values.push(given[name] as number);
  };
}

function bytesInto(store: BinaryStore): Push {
  return (value, place) => {
    if (!(value instanceof Uint8Array)) throw misfit(place, `must be bytes`);
    checkLength(value.length, place);
    store.pushBytes(value);
  };
}

function textInto(store: BinaryStore): Push {
  return (value, place) => {
    if (typeof value !== 'string') throw misfit(place, `must be a text`);
    // Half a surrogate pair has no UTF-8: it would be replaced, and texts that differ would be one.
    if (!value.isWellFormed()) throw misfit(place, `must be a text of whole Unicode characters`);
    // A UTF-16 unit is at most three bytes of UTF-8: the exact length is counted only when near the bound.
    let bytesMax = value.length * 3;
    if (bytesMax > limits.valueBytesMax) {
      bytesMax = Buffer.byteLength(value);
      checkLength(bytesMax, place);
    }
    store.pushText(value, bytesMax);
  };
}

function checkLength(bytes: number, place: () => string): void {
  if (bytes > limits.valueBytesMax) throw tooLong(bytes, valueBound, place());
}
