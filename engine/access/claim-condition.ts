import { EngineError } from '../model/errors.ts';
import { isNumeric, kindOf } from '../model/kinds.ts';
import type {
  ColumnDefinition,
  RoleDefinition,
  TableDefinition,
  TableGrant,
} from '../model/types.ts';
import { coerceScalar } from '../query/coerce-scalar.ts';
import type { Condition } from '../query/condition.ts';
import { type Refused, refused } from './decision.ts';

export type Claims = Readonly<Record<string, unknown>>;

/**
 * The rows of the table that the role sees, as a condition; null: all. Refused where the token lacks
 * the claim that the rule asks for, or has one that does not fit the column: it names no rows.
 */
export function rowsSeen(
  role: RoleDefinition,
  table: TableDefinition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  grant: TableGrant,
  claims: Claims,
): { readonly condition: Condition | null } | Refused {
  if (grant.rowFilter === null) return { condition: null };
  const { column: columnName, claim } = grant.rowFilter;
  const column = columns.get(columnName);
  if (!column) throw new RangeError(`no column "${columnName}" in table "${table.name}"`);
  try {
    const value = coerceScalar(column, claimAs(column, claims[claim]), claim);
    return { condition: { kind: 'compare', column: columnName, op: 'eq', value } };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return refused(
      `rows of "${table.name}" need the token's claim "${claim}": the role "${role.name}" sees those whose "${columnName}" equals it`,
      { claim },
    );
  }
}

/** Issuers often write numbers as strings. */
function claimAs(column: ColumnDefinition, claim: unknown): unknown {
  const isNumber = isNumeric(column) && kindOf(column).wideRange === null;
  return isNumber && typeof claim === 'string' && /^-?\d+(\.\d+)?$/.test(claim)
    ? Number(claim)
    : claim;
}
