import { EngineError } from '../model/errors.ts';
import { isNumeric, kindOf } from '../model/kinds.ts';
import type {
  ColumnDefinition,
  RoleDefinition,
  RowRule,
  TableDefinition,
  TableGrant,
} from '../model/types.ts';
import { claimsOf, whereOfRule } from '../query/claimed-where.ts';
import type { Condition } from '../query/condition.ts';
import { parseWhere } from '../query/parse-where.ts';
import { type Refused, refused } from './decision.ts';

export type Claims = Readonly<Record<string, unknown>>;

/**
 * The rows of the table that the role sees, as a condition; null: all. Refused where the token lacks a
 * claim that the rule asks for, wherever in the rule, or has one that does not fit its column: it
 * names no rows. A claim that is a list stands for any of its values in a condition; the short form
 * wants one value.
 */
export function rowsSeen(
  role: RoleDefinition,
  table: TableDefinition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  grant: TableGrant,
  claims: Claims,
): { readonly condition: Condition | null } | Refused {
  const { rowFilter } = grant;
  if (rowFilter === null) return { condition: null };
  const isShort = typeof rowFilter.column === 'string';
  const missing = claimsOf(rowFilter).find(
    (claim) => !isGiven(claims, claim) || (isShort && Array.isArray(claims[claim])),
  );
  if (missing !== undefined) return unnamed(role, table, rowFilter, missing);
  const claimValue = (column: ColumnDefinition, claim: string) => {
    const value = claims[claim];
    return Array.isArray(value) ? value.map((one) => claimAs(column, one)) : claimAs(column, value);
  };
  try {
    return { condition: parseWhere(columns, whereOfRule(rowFilter), 'rowFilter', claimValue) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return unnamed(role, table, rowFilter, claimsOf(rowFilter).join('", "'));
  }
}

/** What a rule says of rows, in words that go on from "rows of the table". */
export function ruleInWords(rule: RowRule): string {
  return typeof rule.column === 'string'
    ? `whose "${rule.column}" equals the token's claim "${String(rule.claim)}"`
    : `that meet ${JSON.stringify(rule)}`;
}

function isGiven(claims: Claims, claim: string): boolean {
  return Object.hasOwn(claims, claim) && claims[claim] !== null && claims[claim] !== undefined;
}

function unnamed(
  role: RoleDefinition,
  table: TableDefinition,
  rule: RowRule,
  claim: string,
): Refused {
  return refused(
    `rows of "${table.name}" need the token's claim "${claim}": the role "${role.name}" sees those ${ruleInWords(rule)}`,
    { claim },
  );
}

/** Issuers often write numbers as strings. */
function claimAs(column: ColumnDefinition, claim: unknown): unknown {
  const isNumber = isNumeric(column) && kindOf(column).wideRange === null;
  return isNumber && typeof claim === 'string' && /^-?\d+(\.\d+)?$/.test(claim)
    ? Number(claim)
    : claim;
}
