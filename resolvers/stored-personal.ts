import {
  type Condition,
  type OrderBy,
  type SeenTables,
  type SqlResult,
  sealedCondition,
  sealedKey,
} from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { ColumnDefinition, Row, Value } from '../engine/model/types.ts';
import type { RequestContext } from './context.ts';

/**
 * Values of persons in requests and answers. A role with the capability `personal` asks for values and
 * sees them; for every other one a personal column holds its tokens, which are pseudonyms: it sees
 * those, and what it asks with is taken for them, so that it cannot find out a value by asking for it.
 */

export type PersonalAsker = Pick<RequestContext, 'engine' | 'principal'>;
type Columns = ReadonlyMap<string, ColumnDefinition>;

/** Whether the asker sees values of persons. */
export function seesValues({ principal }: PersonalAsker): boolean {
  return principal.role?.capabilities.includes('personal') === true;
}

/** What the asker sees of a value of a personal column. */
export function shownPersonal(asker: PersonalAsker, value: Value): Value {
  const { personal } = asker.engine;
  if (typeof value !== 'string' || !seesValues(asker)) return value;
  return personal.valueOf(value);
}

/** What was asked for, as what is stored. */
export function askedOfStored(asker: PersonalAsker, asked: Condition, columns: Columns): Condition {
  const { personal } = asker.engine;
  if (!personal.hasColumns || !seesValues(asker)) return asked;
  return sealedCondition(asked, columns, personal);
}

/** A rule of the title's own, such as one bound to a claim, as one on what is stored. */
export function ruleOfStored(
  { engine: { personal } }: PersonalAsker,
  rule: Condition | null,
  columns: Columns,
): Condition | null {
  return !personal.hasColumns || rule === null ? rule : sealedCondition(rule, columns, personal);
}

/** What somebody sees of tables, its conditions on what is stored. */
export function sightOfStored({ engine }: PersonalAsker, seen: SeenTables): SeenTables {
  const { catalog, personal } = engine;
  if (seen === 'whole' || !personal.hasColumns) return seen;
  return seen.map((part) => {
    const { condition } = part;
    if (condition === null) return part;
    const columns = catalog.columnsOf(catalog.table(part.table));
    return { ...part, condition: sealedCondition(condition, columns, personal) };
  });
}

/** A key that was asked for, as the key of what is stored. */
export function keyOfStored(asker: PersonalAsker, key: Row, columns: Columns): Row {
  const { personal } = asker.engine;
  return !personal.hasColumns || !seesValues(asker) ? key : sealedKey(key, columns, personal);
}

/** A key in an answer. */
export function shownKey(asker: PersonalAsker, table: string, key: Row): Row {
  if (!asker.engine.personal.hasColumns || !seesValues(asker)) return key;
  const columns = asker.engine.catalog.columnsOf(asker.engine.catalog.table(table));
  return Object.fromEntries(
    Object.entries(key).map(([name, value]): [string, Value] => [
      name,
      columns.get(name)?.personal === undefined ? value : shownPersonal(asker, value),
    ]),
  );
}

/** What stands for a person's value has no order of its own. */
export function refusePersonalOrder(orderBy: readonly OrderBy[], columns: Columns): void {
  for (const { column } of orderBy) {
    if (columns.get(column)?.personal === undefined) continue;
    throw new EngineError(
      'BAD_USER_INPUT',
      `orderBy: "${column}" is personal, and what is stored of it has no order; order by another column`,
      { details: { path: 'orderBy', column } },
    );
  }
}

/** A result of SQL, tokens that are whole values replaced. Rows of SQL know no columns of tables. */
export function shownSqlRows(asker: PersonalAsker, { rows }: SqlResult): readonly unknown[] {
  const { personal } = asker.engine;
  if (!personal.hasColumns || !seesValues(asker)) return rows;
  const shown = (value: unknown): unknown => {
    if (typeof value === 'string') return personal.valueOf(value);
    return Array.isArray(value) ? value.map(shown) : value;
  };
  return rows.map(shown);
}
