import { EngineError } from '../model/errors.ts';
import type { ColumnDefinition, WhereInput } from '../model/types.ts';
import type { ClaimValue } from '../query/claimed-where.ts';
import { parseWhere } from '../query/parse-where.ts';
import { plainJson } from './plain-json.ts';
import type { Problems } from './problems.ts';

/** A condition on these columns, as it was written; null where it is none. `claimValue`: see `parseWhere`. */
export function readWhere(
  problems: Problems,
  value: unknown,
  place: string,
  columns: readonly ColumnDefinition[],
  claimValue?: ClaimValue,
): WhereInput | null {
  const byName = new Map(columns.map((column) => [column.name, column]));
  try {
    parseWhere(byName, value, place, claimValue);
    return plainJson(value) as WhereInput;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const at = typeof error.details.path === 'string' ? error.details.path : place;
    problems.add(at, error.message.slice(error.message.indexOf(`${at}: `) + at.length + 2));
    return null;
  }
}
