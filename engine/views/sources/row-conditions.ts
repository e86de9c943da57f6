import type { ColumnDefinition, WhereInput } from '../../model/types.ts';
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
    const text = JSON.stringify(where, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    let condition = this.#byText.get(text);
    if (!condition) {
      const filter = parseWhere(this.#columns, where, path);
      condition = { mask: compileRowMask(filter, this.#columns) };
      this.#byText.set(text, condition);
    }
    return condition;
  }
}
