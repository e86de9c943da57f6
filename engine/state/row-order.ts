import { EngineError } from '../model/errors.ts';
import { columnOrPart } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import { allColumns } from '../model/system-columns.ts';
import type { ColumnDefinition, Value } from '../model/types.ts';
import {
  compareNullsLast,
  cursorValue,
  type OrderSign,
  orderValue,
} from '../query/order-values.ts';
import { decodeCursor, encodeCursor, type ListIdentity } from '../query/page-cursor.ts';
import { readValue } from './row-codec.ts';
import { committedAtWord, lsnWord, placeOf, versionWord } from './row-layout.ts';
import type { OrderBy, RowPage, StateListRequest } from './state-reader.ts';
import type { StateTable } from './state-table.ts';

/** Reads what a row is ordered by. `position` orders by LSN. */
type OrderReader = (slot: number) => Value;

interface OrderTerm {
  readonly column: ColumnDefinition;
  readonly read: OrderReader;
  readonly sign: OrderSign;
}

interface Entry {
  readonly slot: number;
  readonly values: readonly Value[];
  /** The row has been written since, and was forgotten. */
  dropped: boolean;
  /** Taken before anything of the page was dropped. */
  readonly first: boolean;
}

/**
 * One page of the slots it is offered, in `orderBy` and then key order, after the cursor. Keeps the
 * best `first + 1` and `spare` more, in a heap with the worst on top, so that memory and sorting are
 * bounded by the page; the spare ones stand in for those that are dropped.
 */
export class PageOfRows {
  readonly #table: StateTable;
  readonly #terms: readonly OrderTerm[];
  readonly #list: ListIdentity;
  readonly #after: readonly Value[] | null;
  readonly #first: number;
  readonly #keep: number;
  readonly #heap: Entry[] = [];
  readonly #kept = new Map<number, Entry>();
  /** How many of the kept rows were taken before anything of the page was dropped. */
  #firstCount = 0;
  #isFirst = true;
  #evicted = false;

  constructor(table: StateTable, request: StateListRequest, spare: number) {
    this.#table = table;
    this.#terms = orderTerms(table, request.orderBy);
    this.#list = {
      table: table.table.name,
      order: this.#terms.map(({ column, sign }) => ({
        column,
        direction: sign === 1 ? 'ASC' : 'DESC',
      })),
      where: request.where,
    };
    this.#after =
      request.after === null
        ? null
        : decodeCursor(this.#list, request.after).map((value, i) =>
            orderValue((this.#terms[i] as OrderTerm).column, value),
          );
    this.#first = request.first;
    this.#keep = request.first + 1 + spare;
  }

  offer(slot: number): void {
    if (this.#kept.has(slot)) return;
    const values = this.#terms.map((term) => term.read(slot));
    if (this.#after && this.#compare(values, this.#after) <= 0) return;
    const entry: Entry = { slot, values, dropped: false, first: this.#isFirst };
    if (this.#kept.size >= this.#keep) {
      while (this.#heap[0]?.dropped) this.#pop();
      const worst = this.#heap[0];
      this.#evicted = true;
      if (!worst || this.#compare(values, worst.values) >= 0) return;
      this.#pop();
      this.#kept.delete(worst.slot);
      if (worst.first) this.#firstCount--;
    }
    this.#push(entry);
    this.#kept.set(slot, entry);
    if (entry.first) this.#firstCount++;
  }

  drop(slot: number): void {
    this.#isFirst = false;
    const entry = this.#kept.get(slot);
    if (!entry) return;
    entry.dropped = true;
    this.#kept.delete(slot);
    if (entry.first) this.#firstCount--;
  }

  /**
   * False: so many rows were dropped that others, which had been let go for them, may belong to the
   * page. Whatever was let go ranks behind all rows that were there then and still are.
   */
  get isWhole(): boolean {
    return !this.#evicted || this.#firstCount > this.#first;
  }

  finish(): Omit<RowPage, 'rowsRead'> {
    const entries = [...this.#kept.values()];
    entries.sort((a, b) => this.#compare(a.values, b.values));
    const shown = entries.slice(0, this.#first);
    const cursorAt = (index: number) =>
      encodeCursor(
        this.#list,
        this.#terms.map(({ column }, i) => cursorValue(column, shown[index]?.values[i] ?? null)),
      );
    return {
      rows: shown.map(({ slot }) => this.#table.row(slot)),
      endCursor: shown.length === 0 ? null : cursorAt(shown.length - 1),
      hasNextPage: entries.length > this.#first,
      cursorAt,
    };
  }

  #compare(left: readonly Value[], right: readonly Value[]): number {
    for (let i = 0; i < this.#terms.length; i++) {
      const { sign } = this.#terms[i] as OrderTerm;
      const order = compareNullsLast(left[i] ?? null, right[i] ?? null, sign);
      if (order !== 0) return order;
    }
    return 0;
  }

  #isWorse(left: number, right: number): boolean {
    const a = this.#heap[left] as Entry;
    const b = this.#heap[right] as Entry;
    return this.#compare(a.values, b.values) > 0;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#isWorse(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes the worst off. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && this.#isWorse(right, left) ? right : left;
      if (!this.#isWorse(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a] as Entry;
    this.#heap[a] = this.#heap[b] as Entry;
    this.#heap[b] = entry;
  }
}

/** Rows that a page keeps beside those it answers, for those that are written while it is read. */
export function spareRows(first: number, attempt: number): number {
  return Math.min(Math.max(first, 64) << attempt, limits.pageRowsMax << 1);
}

function orderTerms(table: StateTable, orderBy: readonly OrderBy[]): OrderTerm[] {
  const columns = new Map(allColumns(table.table).map((column) => [column.name, column]));
  const term = (name: string, sign: OrderSign): OrderTerm => {
    const column = columnOrPart((whole) => columns.get(whole), name);
    if (!column) {
      throw new EngineError('BAD_USER_INPUT', `${table.table.name} has no column "${name}"`);
    }
    return { column, read: reader(table, name), sign };
  };
  const named = orderBy.map(({ column, direction }) => term(column, direction === 'ASC' ? 1 : -1));
  return [...named, ...table.table.key.map((name) => term(name, 1))];
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
  if (!column) throw new RangeError(`a column of the table has a place in its rows: ${name}`);
  return (slot) => readValue(layout, column, pages.page(slot), pages.offset(slot), pool);
}
