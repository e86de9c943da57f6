import { EngineError } from '../model/errors.ts';
import type { Scalar } from '../model/types.ts';
import {
  type Comparison,
  type Condition,
  testConnectives,
  walkCondition,
} from '../query/condition.ts';
import { conditionForm, operandColumn } from '../query/condition-form.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { VectorBuilder } from '../vectors/vector-builder.ts';
import { type ColumnWords, columnWords, releaseWords } from './column-words.ts';
import { compileCondition, membershipTest, type TestMeter } from './condition-test.ts';
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
  constructor(table: StateTable, where: Condition | null) {
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

  #compile(condition: Condition): SlotTest {
    const onColumn = (leaf: Comparison): SlotTest => this.#compileLeaf(leaf);
    return walkCondition<SlotTest>(condition, {
      ...testConnectives<number>(),
      compare: onColumn,
      in: onColumn,
      between: onColumn,
      isNull: onColumn,
    });
  }

  #compileLeaf(leaf: Comparison): SlotTest {
    const { layout, pool, pages, table } = this.#table;
    const { column } = leaf;
    const place = placeOf(layout, column);
    if (!place) {
      // `version`, `position` and `committedAt` are not among the columns that a `require` can name.
      if (table.columns.some(({ name }) => name === column)) {
        throw new EngineError('BAD_USER_INPUT', `live rows cannot be filtered by "${column}"`);
      }
      const holds = rowPredicate(leaf);
      return (slot) => holds(this.#table.row(slot));
    }
    if (leaf.kind === 'in') {
      const words = this.#hold(columnWords(this.#vector(place, leaf.values), pool));
      const test = membershipTest(place, [words], { layout });
      return (slot) => test(pages.page(slot), pages.offset(slot), 0);
    }
    const { form, operands: values } = conditionForm(leaf);
    const operands = values.map(({ value }) => this.#vector(place, [value]));
    const compiled = compileCondition({ form, operands }, layout, pool, this.meter);
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
