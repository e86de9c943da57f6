import { EngineError } from '../errors.ts';
import type { Row, Value } from '../manifest/types.ts';
import type { Filter } from '../query/filter.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { ColumnMemory } from '../tick/column-memory.ts';
import type { ColumnBatch } from '../tick/column-vector.ts';
import { guardTemplate } from '../tick/guard-filter.ts';
import { compileGuard } from '../tick/guard-test.ts';
import { operandColumn } from '../tick/tick-record.ts';
import { VectorBuilder } from '../tick/vector-builder.ts';
import { type ColumnWords, columnWords, releaseWords } from './column-words.ts';
import { type LookupPlan, planIndex, planLookup } from './lookup-plan.ts';
import { gatherRows } from './row-codec.ts';
import { pageOfSlots } from './row-order.ts';
import { pageRows, RowImages } from './row-pages.ts';
import type { RowPage, StateListRequest, StateReader } from './state-reader.ts';
import type { StateTable } from './state-table.ts';
import type { TitleState } from './title-state.ts';

/** Whether the row of a slot matches; `release` gives back what the test holds. */
interface RowTest {
  readonly test: (slot: number) => boolean;
  readonly release: () => void;
}

/** Reads of the live rows. Filters run on rows in place; only rows that are answered become objects. */
export class LiveState implements StateReader {
  readonly #state: TitleState;

  constructor(state: TitleState) {
    this.#state = state;
  }

  get(table: string, key: Row): Row | null {
    const stateTable = this.#table(table);
    const slot = this.#slotOf(stateTable, key);
    return slot === -1 ? null : stateTable.row(slot);
  }

  list(table: string, request: StateListRequest): RowPage {
    const stateTable = this.#table(table);
    const plan = planLookup(stateTable.table, request.where);
    if (plan.kind === 'scan' && request.scan === 'refuse') {
      throw new EngineError(
        'SCAN_REFUSED',
        `no key or index of ${table} serves this where; ${plan.advice}`,
        { details: { table, advice: plan.advice } },
      );
    }
    let rowsRead = 0;
    const slots = this.#matching(stateTable, request.where, () => rowsRead++);
    const page = pageOfSlots(stateTable, slots, request);
    return { ...page, rowsRead };
  }

  select(table: string, where: Filter | null): Row[] {
    const stateTable = this.#table(table);
    const rows: Row[] = [];
    for (const slot of this.#matching(stateTable, where, () => {})) rows.push(stateTable.row(slot));
    return rows;
  }

  /** How many rows that match one index leads to; for checks. */
  selectByIndex(table: string, index: string, where: Filter): number {
    const stateTable = this.#table(table);
    const plan = planIndex(stateTable.table, index, where);
    const { test, release } = this.#compile(stateTable, where);
    let rows = 0;
    for (const slot of plan ? this.#planned(stateTable, plan) : []) if (test(slot)) rows++;
    release();
    return rows;
  }

  *columns(table: string): IterableIterator<ColumnBatch> {
    const { layout, pages, pool } = this.#table(table);
    const images = new RowImages(layout.wordsPerRow);
    const memory = new ColumnMemory(pageRows * layout.wordsPerRow * 4);
    const batch = (): ColumnBatch => {
      memory.reset();
      return gatherRows(layout, images.page, images.length, pool, memory);
    };
    for (const slot of this.#table(table).slots()) {
      images.push(pages.page(slot), pages.offset(slot));
      if (images.length < pageRows) continue;
      yield batch();
      images.truncate(0);
    }
    if (images.length > 0) yield batch();
  }

  rowCount(table: string): number {
    return this.#table(table).rowCount;
  }

  *#matching(
    table: StateTable,
    where: Filter | null,
    onRead: () => void,
  ): IterableIterator<number> {
    const { test, release } = this.#compile(table, where);
    try {
      for (const slot of this.#planned(table, planLookup(table.table, where))) {
        onRead();
        if (test(slot)) yield slot;
      }
    } finally {
      release();
    }
  }

  *#planned(table: StateTable, plan: LookupPlan): IterableIterator<number> {
    switch (plan.kind) {
      case 'keys':
        for (const key of plan.keys) {
          const slot = this.#slotOf(table, key);
          if (slot !== -1) yield slot;
        }
        return;
      case 'index': {
        const index = table.indexes.find((candidate) => candidate.name === plan.index);
        for (const probe of index ? plan.probes : []) {
          if (!index) return;
          const columns = this.#words(
            table,
            index.columns.map(({ column }) => column.name),
            probe,
          );
          try {
            yield* index.slots(columns.flatMap((column) => [...column.words]));
          } finally {
            for (const column of columns) releaseWords(column, table.pool);
          }
        }
        return;
      }
      case 'scan':
        yield* table.slots();
    }
  }

  #slotOf(table: StateTable, key: Row): number {
    const columns = this.#words(table, table.table.key, key);
    const words = Uint32Array.from(columns.flatMap((column) => [...column.words]));
    const slot = table.find(table.hashKey(words, 0), words, 0);
    for (const column of columns) releaseWords(column, table.pool);
    return slot;
  }

  /** To be released. Throws before it holds any, where a value is none of its column. */
  #words(table: StateTable, names: readonly string[], row: Row): ColumnWords[] {
    const vectors = names.map((name) => {
      const layout = table.layout.columns.find((c) => c.column.name === name);
      if (!layout) throw new RangeError(`table "${table.table.name}" has no column "${name}"`);
      const builder = new VectorBuilder(operandColumn(layout.column));
      builder.push(row[name] as Value, () => `key.${name}`);
      return builder.build();
    });
    return vectors.map((vector) => columnWords(vector, table.pool));
  }

  #compile(table: StateTable, where: Filter | null): RowTest {
    if (!where) return { test: () => true, release: () => {} };
    const template = guardTemplate(where);
    if (namesSystemColumn(table, where)) {
      const holds = rowPredicate(where);
      return { test: (slot) => holds(table.row(slot)), release: () => {} };
    }
    const operands = template.operands.map(({ column, value }) => {
      const layout = table.layout.columns.find((c) => c.column.name === column);
      if (!layout) {
        throw new EngineError('BAD_USER_INPUT', `live rows cannot be filtered by "${column}"`);
      }
      const builder = new VectorBuilder(operandColumn(layout.column));
      builder.push(value, () => `where.${column}`);
      return builder.build();
    });
    const guard = { condition: template.condition, operands };
    const compiled = compileGuard(guard, table.layout, table.pool);
    return {
      test: (slot) => compiled.test(table.pages.page(slot), table.pages.offset(slot), 0),
      release: () => {
        for (const words of compiled.operands) releaseWords(words, table.pool);
      },
    };
  }

  #table(name: string): StateTable {
    const table = this.#state.tables.get(name);
    if (!table) throw new EngineError('BAD_USER_INPUT', `there is no state table "${name}"`);
    return table;
  }
}

/** `version`, `position` and `committedAt` are not among the columns that a guard can name. */
function namesSystemColumn(table: StateTable, where: Filter): boolean {
  switch (where.kind) {
    case 'and':
      return where.all.some((part) => namesSystemColumn(table, part));
    case 'or':
      return where.any.some((part) => namesSystemColumn(table, part));
    case 'not':
      return namesSystemColumn(table, where.inner);
    default:
      return !table.table.columns.some((column) => column.name === where.column);
  }
}
