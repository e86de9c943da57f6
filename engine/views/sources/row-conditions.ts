import type { ColumnDefinition, WhereInput } from '../../model/types.ts';
import { conditionText } from '../../query/canonical-condition.ts';
import { parseWhere } from '../../query/parse-where.ts';
import { compileRowMask, type RowMask } from './row-mask.ts';

/** A view's `where`, compiled once for all aggregates of the table that state it. */
export interface RowCondition {
  readonly mask: RowMask;
}

/** The conditions that views state on one table. */
export class RowConditions {
  readonly #columns: ReadonlyMap<string, ColumnDefinition>;
  readonly #byText = new Map<string, RowCondition>();

  constructor(columns: ReadonlyMap<string, ColumnDefinition>) {
    this.#columns = columns;
  }

  /** Equal conditions are one. */
  of(where: WhereInput | undefined, path: string): RowCondition | null {
    if (where === undefined) return null;
    const condition = parseWhere(this.#columns, where, path);
    const text = conditionText(condition);
    let known = this.#byText.get(text);
    if (!known) {
      known = { mask: compileRowMask(condition, this.#columns) };
      this.#byText.set(text, known);
    }
    return known;
  }
}
