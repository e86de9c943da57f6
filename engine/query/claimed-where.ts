import { isPosition, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition, RowRule, WhereInput } from '../model/types.ts';

/**
 * A role's rule for rows as a `where` in which `{ claim: 'player_id' }` stands for what the token says.
 *
 *     { or: [{ ownerId: { eq: { claim: 'player_id' } } }, { squad: { in: { claim: 'squads' } } }] }
 *
 * No value of a `where` is an object of one text, so the two cannot be taken for each other.
 */
export function whereOfRule(rule: RowRule): WhereInput {
  if (typeof rule.column !== 'string') return rule;
  return { [rule.column]: { eq: { claim: rule.claim } } };
}

/** The claims that a rule names, each once. */
export function claimsOf(rule: RowRule): readonly string[] {
  const claims = new Set<string>();
  const walk = (part: unknown): void => {
    if (isClaim(part)) claims.add(part.claim);
    else if (typeof part === 'object' && part !== null) Object.values(part).forEach(walk);
  };
  walk(whereOfRule(rule));
  return [...claims];
}

export function isClaim(value: unknown): value is { readonly claim: string } {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || !('claim' in value) || typeof value.claim !== 'string') return false;
  return Object.keys(value).length === 1;
}

/** Tells what stands for a claim: a value for the column, or a list of them. */
export type ClaimValue = (column: ColumnDefinition, claim: string) => unknown;

/** Stands for any claim where a rule is looked at before there is a token. */
export const sampleClaim: ClaimValue = (column) => {
  switch (kindOf(column).form) {
    case 'bool':
      return false;
    case 'integer':
    case 'float':
    case 'timestamp':
      return 0;
    case 'enum':
      return column.values[0];
    case 'uuid':
      return '00000000-0000-0000-0000-000000000000';
    default:
      return isPosition(column) ? '0:1' : '';
  }
};
