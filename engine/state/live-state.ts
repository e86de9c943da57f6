import { type OpenRead, steadyRead } from '../govern/open-reads.ts';
import type { Work } from '../govern/work.ts';
import { EngineError } from '../model/errors.ts';
import type { Row, Value } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { operandColumn } from '../query/condition-form.ts';
import { rowUnits } from '../query/condition-units.ts';
import { scanRefused } from '../query/scan-refused.ts';
import { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import { VectorBuilder } from '../vectors/vector-builder.ts';
import { type ColumnWords, columnWords, releaseWords } from './column-words.ts';
import { adviceFor, type LookupPlan, planIndex, planLookup } from './lookup-plan.ts';
import { gatherRows } from './row-codec.ts';
import { placeOf } from './row-layout.ts';
import { PageOfRows, spareRows } from './row-order.ts';
import { pageRows, RowImages } from './row-pages.ts';
import { RowTest } from './row-test.ts';
import type { SecondaryIndex } from './secondary-index.ts';
import type { RowPage, StateListRequest, StateReader } from './state-reader.ts';
import type { StateTable } from './state-table.ts';
import type { TitleState } from './title-state.ts';

/** Among slots: there is no row. */
const noRow = -1;
/** What looking a key up costs. */
const probeUnits = 256;
/** What ranking or copying a row that matches costs. */
const takenRowUnits = 32;
const attemptsMax = 4;

/** Reads of the live rows. Conditions are tested on rows in place; only rows that are answered become objects. */
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

  *list(table: string, request: StateListRequest): Work<RowPage> {
    const stateTable = this.#table(table);
    const plan = planLookup(stateTable.table, request.where);
    if (plan.kind === 'scan' && request.scan === 'refuse') {
      throw scanRefused(table, plan.advice);
    }
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const page = new PageOfRows(stateTable, request, spareRows(request.first, attempt));
      const rowsRead = yield* this.#read(stateTable, request.where, plan, {
        take: (slot) => page.offer(slot),
        drop: (slot) => page.drop(slot),
      });
      if (page.isWhole) return { ...page.finish(), rowsRead };
    }
    throw new EngineError(
      'OVERLOADED',
      `rows of ${table} change faster than the page can be read; ask for fewer rows, or narrow the where`,
      { retryAfterMs: 1_000, details: { table } },
    );
  }

  *select(table: string, where: Condition | null): Work<Row[]> {
    const stateTable = this.#table(table);
    const rows = new Map<number, Row>();
    yield* this.#read(stateTable, where, planLookup(stateTable.table, where), {
      take: (slot) => void rows.set(slot, stateTable.row(slot)),
      drop: (slot) => void rows.delete(slot),
    });
    return [...rows.values()];
  }

  isServed(table: string, where: Condition | null): boolean {
    return planLookup(this.#table(table).table, where).kind !== 'scan';
  }

  adviceFor(table: string, where: Condition | null): string {
    return adviceFor(this.#table(table).table, where);
  }

  /** How many rows that match one index leads to; for checks. */
  selectByIndex(table: string, index: string, where: Condition): number {
    const stateTable = this.#table(table);
    const plan = planIndex(stateTable.table, index, where);
    const condition = new RowTest(stateTable, where);
    const read = stateTable.reads.open();
    let rows = 0;
    for (const slot of plan ? this.#planned(stateTable, plan, read) : []) {
      if (slot !== noRow && condition.test(slot)) rows++;
    }
    read.close();
    condition.release();
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

  /** Offers every matching row; returns how many rows were looked at. */
  *#read(
    table: StateTable,
    where: Condition | null,
    plan: LookupPlan,
    rows: { take(slot: number): void; drop(slot: number): void },
  ): Work<number> {
    const unitsPerRow = rowUnits(where);
    const condition = new RowTest(table, where);
    const { test, meter } = condition;
    const read = table.reads.open();
    let rowsRead = 0;
    try {
      yield unitsPerRow;
      yield* steadyRead(read, this.#planned(table, plan, read), {
        take: (slot) => {
          if (slot === noRow) return probeUnits;
          if (!table.isAlive(slot)) return 1;
          rowsRead++;
          meter.units = 0;
          if (!test(slot)) return unitsPerRow + meter.units;
          rows.take(slot);
          return unitsPerRow + meter.units + takenRowUnits;
        },
        drop: (slot) => rows.drop(slot),
      });
      return rowsRead;
    } finally {
      condition.release();
      read.close();
    }
  }

  /** Slots of rows that may match, and `noRow` before each look-up. */
  *#planned(table: StateTable, plan: LookupPlan, read: OpenRead): IterableIterator<number> {
    switch (plan.kind) {
      case 'keys':
        for (const key of plan.keys) {
          yield noRow;
          const slot = this.#slotOf(table, key);
          if (slot !== -1) yield slot;
        }
        return;
      case 'index': {
        const index = table.indexes.find((candidate) => candidate.name === plan.index);
        for (const probe of index ? plan.probes : []) {
          if (!index) return;
          yield noRow;
          yield* this.#probed(table, index, probe, read);
        }
        return;
      }
      case 'scan':
        yield* table.slots();
    }
  }

  *#probed(
    table: StateTable,
    index: SecondaryIndex,
    probe: Row,
    read: OpenRead,
  ): IterableIterator<number> {
    const names = index.columns.map(({ column }) => column.name);
    const columns = this.#words(table, names, probe);
    for (const column of columns) table.heldByReads.add(column);
    try {
      const words = columns.flatMap((column) => [...column.words]);
      yield* index.slots(words, (slot) => read.has(slot));
    } finally {
      for (const column of columns) {
        table.heldByReads.delete(column);
        releaseWords(column, table.pool);
      }
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
      const layout = placeOf(table.layout, name);
      if (!layout) throw new RangeError(`table "${table.table.name}" has no column "${name}"`);
      const builder = new VectorBuilder(operandColumn(layout.column));
      builder.push(row[name] as Value, () => `key.${name}`);
      return builder.build();
    });
    return vectors.map((vector) => columnWords(vector, table.pool));
  }

  #table(name: string): StateTable {
    const table = this.#state.tables.get(name);
    if (!table) throw new EngineError('BAD_USER_INPUT', `there is no state table "${name}"`);
    return table;
  }
}
