import { EngineError } from '../model/errors.ts';
import type { Scalar } from '../model/types.ts';
import type { Filter } from '../query/filter.ts';
import { operandColumn } from '../query/guard.ts';
import { guardTemplate } from '../query/guard-filter.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { VectorBuilder } from '../vectors/vector-builder.ts';
import { type ColumnWords, columnWords, releaseWords } from './column-words.ts';
import { compileGuard, membershipTest, type TestMeter } from './guard-test.ts';
import { type ColumnLayout, placeOf } from './row-layout.ts';
import type { StateTable } from './state-table.ts';

type SlotTest = (slot: number) => boolean;

/**
 * A where as a test of the rows of a table, where they lie: only rows that are answered become
 * objects. Compiled once: the values of an `in` are one look into a set, patterns are searches.
 */
export class RowTest {
  readonly test: SlotTest;
  /** What the newest test has cost beyond a comparison a condition. */
  readonly meter: TestMeter = { units: 0 };
  readonly #table: StateTable;
  readonly #operands: ColumnWords[] = [];

  /** To be released: it holds references in the byte pool, which the table knows of. */
  constructor(table: StateTable, where: Filter | null) {
    this.#table = table;
    try {
      this.test = where === null ? () => true : this.#compile(where);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    for (const words of this.#operands) {
      this.#table.heldByReads.delete(words);
      releaseWords(words, this.#table.pool);
    }
    this.#operands.length = 0;
  }

  #compile(filter: Filter): SlotTest {
    switch (filter.kind) {
      case 'and': {
        const all = filter.all.map((part) => this.#compile(part));
        return (slot) => all.every((holds) => holds(slot));
      }
      case 'or': {
        const any = filter.any.map((part) => this.#compile(part));
        return (slot) => any.some((holds) => holds(slot));
      }
      case 'not': {
        const inner = this.#compile(filter.inner);
        return (slot) => !inner(slot);
      }
      default:
        return this.#compileColumn(filter);
    }
  }

  #compileColumn(filter: Exclude<Filter, { kind: 'and' | 'or' | 'not' }>): SlotTest {
    const { layout, pool, pages, table } = this.#table;
    const { column } = filter;
    const place = placeOf(layout, column);
    if (!place) {
      // `version`, `position` and `committedAt` are not among the columns that a guard can name.
      if (table.columns.some(({ name }) => name === column)) {
        throw new EngineError('BAD_USER_INPUT', `live rows cannot be filtered by "${column}"`);
      }
      const holds = rowPredicate(filter);
      return (slot) => holds(this.#table.row(slot));
    }
    if (filter.kind === 'in') {
      const words = this.#hold(columnWords(this.#vector(place, filter.values), pool));
      const test = membershipTest(place, [words], { layout });
      return (slot) => test(pages.page(slot), pages.offset(slot), 0);
    }
    const { condition, operands } = guardTemplate(filter);
    const vectors = operands.map(({ value }) => this.#vector(place, [value]));
    const compiled = compileGuard({ condition, operands: vectors }, layout, pool, this.meter);
    for (const words of compiled.operands) this.#hold(words);
    return (slot) => compiled.test(pages.page(slot), pages.offset(slot), 0);
  }

  #vector({ column }: ColumnLayout, values: readonly Scalar[]) {
    const builder = new VectorBuilder(operandColumn(column));
    for (const value of values) builder.push(value, () => `where.${column.name}`);
    return builder.build();
  }

  #hold(words: ColumnWords): ColumnWords {
    this.#operands.push(words);
    this.#table.heldByReads.add(words);
    return words;
  }
}
