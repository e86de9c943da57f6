import { EngineError } from '../model/errors.ts';
import type { Scalar, Value } from '../model/types.ts';
import { compareScalars } from '../query/compare-values.ts';
import { readValue } from './row-codec.ts';
import { committedAtWord, lsnWord, placeOf, versionWord } from './row-layout.ts';
import type { OrderBy, RowPage, StateListRequest } from './state-reader.ts';
import type { StateTable } from './state-table.ts';

/** Reads what a row is ordered by. `position` orders by LSN. */
type OrderReader = (slot: number) => Value;

interface OrderTerm {
  readonly read: OrderReader;
  /** 1 ascending, -1 descending. Null comes last either way. */
  readonly sign: 1 | -1;
}

/**
 * One page of the given slots, in `orderBy` and then key order, after the cursor. Keeps only the
 * best `first + 1` while it looks, so memory and sorting are bounded by the page.
 */
export function pageOfSlots(
  table: StateTable,
  slots: Iterable<number>,
  request: StateListRequest,
): Omit<RowPage, 'rowsRead'> {
  const terms = orderTerms(table, request.orderBy);
  const valuesOf = (slot: number) => terms.map((term) => term.read(slot));
  const compare = (left: readonly Value[], right: readonly Value[]): number => {
    for (let i = 0; i < terms.length; i++) {
      const order = compareNullsLast(left[i] ?? null, right[i] ?? null, terms[i]?.sign ?? 1);
      if (order !== 0) return order;
    }
    return 0;
  };
  const after = request.after === null ? null : decodeCursor(request.after, terms.length);
  const best: { slot: number; values: readonly Value[] }[] = [];
  const keep = request.first + 1;
  for (const slot of slots) {
    const values = valuesOf(slot);
    if (after && compare(values, after) <= 0) continue;
    const worst = best[keep - 1];
    if (worst && compare(values, worst.values) >= 0) continue;
    let low = 0;
    let high = best.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(best[middle]?.values ?? [], values) < 0) low = middle + 1;
      else high = middle;
    }
    best.splice(low, 0, { slot, values });
    if (best.length > keep) best.pop();
  }
  const shown = best.slice(0, request.first);
  const cursorAt = (index: number) => encodeCursor(shown[index]?.values ?? []);
  return {
    rows: shown.map(({ slot }) => table.row(slot)),
    endCursor: shown.length === 0 ? null : cursorAt(shown.length - 1),
    hasNextPage: best.length > request.first,
    cursorAt,
  };
}

function orderTerms(table: StateTable, orderBy: readonly OrderBy[]): OrderTerm[] {
  const named = orderBy.map(
    ({ column, direction }): OrderTerm => ({
      read: reader(table, column),
      sign: direction === 'ASC' ? 1 : -1,
    }),
  );
  const key = table.table.key.map((name): OrderTerm => ({ read: reader(table, name), sign: 1 }));
  return [...named, ...key];
}

function reader(table: StateTable, name: string): OrderReader {
  const { pages, layout, pool } = table;
  switch (name) {
    case 'version':
      return (slot) => pages.page(slot).u32[pages.offset(slot) + versionWord] as number;
    case 'position':
      return (slot) => pages.page(slot).f64[(pages.offset(slot) + lsnWord) >> 1] as number;
    case 'committedAt':
      return (slot) => pages.page(slot).f64[(pages.offset(slot) + committedAtWord) >> 1] as number;
  }
  const column = placeOf(layout, name);
  if (!column) {
    throw new EngineError('BAD_USER_INPUT', `${table.table.name} has no column "${name}"`);
  }
  return (slot) => readValue(layout, column, pages.page(slot), pages.offset(slot), pool);
}

function compareNullsLast(left: Value, right: Value, sign: 1 | -1): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareScalars(left as Scalar, right as Scalar) * sign;
}

function encodeCursor(values: readonly Value[]): string {
  const json = JSON.stringify(values, (_, value: unknown) => {
    if (typeof value === 'bigint') return { big: String(value) };
    return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
  });
  return Buffer.from(json, 'utf8').toString('base64url');
}

function decodeCursor(cursor: string, length: number): Value[] {
  try {
    const values: unknown = JSON.parse(
      Buffer.from(cursor, 'base64url').toString('utf8'),
      (_, value: unknown) => {
        if (typeof value !== 'object' || value === null) return value;
        if ('big' in value) return BigInt(String(value.big));
        return 'bytes' in value
          ? new Uint8Array(Buffer.from(String(value.bytes), 'base64'))
          : value;
      },
    );
    if (Array.isArray(values) && values.length === length) return values as Value[];
  } catch {
    // Told below: a cursor is the client's to keep as it came, whatever else is wrong with it.
  }
  throw new EngineError('BAD_USER_INPUT', '`after` is not a cursor of this list and order');
}
