import { viewColumns } from '../manifest/view-columns.ts';
import type { Catalog } from '../model/catalog.ts';
import type { ColumnDefinition, GroupViewDefinition, Row, Value } from '../model/types.ts';
import { BrokenInvariant, keyText } from './broken-invariant.ts';
import { ShadowAggregate, type ShadowValue } from './shadow-aggregate.ts';

/**
 * A group view kept a second time, row by row, from the rows it had when the shadow began. Of what
 * lies before that only the results are known, so a count of distinct values has bounds there.
 */
export class GroupShadow {
  readonly definition: GroupViewDefinition;
  readonly #key: readonly ColumnDefinition[];
  readonly #aggregates: readonly ShadowAggregate[];
  readonly #groups = new Map<string, ShadowValue[]>();

  constructor(catalog: Catalog, definition: GroupViewDefinition, rows: readonly Row[]) {
    this.definition = definition;
    const { key, values } = viewColumns(catalog.manifest, definition);
    const source = catalog.columnsOf(catalog.table(definition.from));
    this.#key = key;
    this.#aggregates = definition.columns.map(
      ({ name, aggregate }, i) =>
        new ShadowAggregate(name, aggregate, values[i] as ColumnDefinition, source),
    );
    for (const row of rows) {
      const values = this.#aggregates.map((own) => own.known(row[own.name] ?? null));
      this.#groups.set(this.#textOf(row), values);
    }
  }

  add(row: Row): void {
    const { tickWindow } = this.definition;
    const tick = row.tick as number;
    const key = tickWindow === null ? row : { ...row, tickWindow: tick - (tick % tickWindow) };
    const text = this.#textOf(key);
    let group = this.#groups.get(text);
    if (!group) {
      group = this.#aggregates.map((own) => own.first());
      this.#groups.set(text, group);
    }
    for (const [i, own] of this.#aggregates.entries()) own.add(group[i] as ShadowValue, row);
  }

  /** Throws `BrokenInvariant` where the view's rows are not these. */
  check(rows: readonly Row[]): void {
    const seen = new Set<string>();
    for (const row of rows) {
      const text = this.#textOf(row);
      const group = this.#groups.get(text);
      if (!group) this.#broken(row, 'is a group without rows');
      // A group that is there twice hides one that is missing: there are as many rows as groups.
      if (seen.has(text)) this.#broken(row, 'is shown twice');
      seen.add(text);
      for (const [i, own] of this.#aggregates.entries()) {
        const held = group[i] as ShadowValue;
        const expected = held.value;
        const shown = row[own.name] ?? null;
        if (own.admits(held, shown)) continue;
        this.#broken(row, `shows ${String(shown)} as ${own.name}, not ${String(expected)}`);
      }
    }
    if (rows.length === this.#groups.size) return;
    this.#broken(null, `has ${rows.length} rows, and its table ${this.#groups.size} groups`);
  }

  #broken(row: Row | null, complaint: string): never {
    const key = row && Object.fromEntries(this.#key.map(({ name }) => [name, row[name] ?? null]));
    const where = { place: this.definition.name, key: key && keyText(key) };
    throw new BrokenInvariant('views', where, complaint);
  }

  #textOf(row: Row): string {
    let text = '';
    for (const { name } of this.#key) text += partText(row[name] ?? null);
    return text;
  }
}

/** A part of a key as text, its length before it, so that no two keys give one text. */
function partText(value: Value): string {
  if (value === null) return '-';
  // Minus zero and zero are one key.
  const text = String(value);
  return `${text.length}:${text}`;
}
