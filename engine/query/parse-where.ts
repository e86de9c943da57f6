import { EngineError } from '../model/errors.ts';
import { isPosition, kindOf, partColumns } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { type ClaimValue, isClaim } from './claimed-where.ts';
import { coerceScalar } from './coerce-scalar.ts';
import { type Condition, conditionTrue, conjunction } from './condition.ts';
import { likePatternProblem } from './like-pattern.ts';
import { operatorsOf, type WhereOperator, whereOperators } from './where-operators.ts';

/**
 * A `where` (or `require`, or a view's `where`) as a checked condition.
 *
 * ```
 * { ownerId: { eq: 3 }, health: { gt: 0, lte: 100 }, or: [{ x: { isNull: true } }, { x: { between: [0, 512] } }] }
 * ```
 *
 * Everything in one object must hold. `and` and `or` take lists of such objects, `not` one;
 * `or: []` and `in: []` hold for no row, `and: []` for every one. `between: [low, high]` includes
 * both ends. A member that is `undefined` is as if absent; `null` is an error that names
 * `isNull`, for it is more often a variable somebody forgot than a wish. A `where` that is null or
 * undefined as a whole holds for every row.
 *
 * @param columns what may be named, system columns included
 * @param path the place in messages, such as `where` or `actions[3].effects[0].unitState.upsert.require`
 * @param claimValue what stands for `{ claim: 'player_id' }`, where a role's rule is read: of a list,
 *   `eq` asks for any and `ne` for none. Undefined: there are no claims
 * @throws EngineError `BAD_USER_INPUT` with the place and the mend; `LIMIT_EXCEEDED` for a
 *   condition that is too deep or has too many comparisons
 */
export function parseWhere(
  columns: ReadonlyMap<string, ColumnDefinition>,
  where: unknown,
  path: string,
  claimValue?: ClaimValue,
): Condition {
  if (where === null || where === undefined) return conditionTrue;
  return parseObject({ columns, claimValue: claimValue ?? null, terms: 0 }, where, path, 1);
}

interface Parse {
  readonly columns: ReadonlyMap<string, ColumnDefinition>;
  readonly claimValue: ClaimValue | null;
  /** Comparisons and list members so far. */
  terms: number;
}

const connectives = ['and', 'or', 'not'];
const nullMend = 'null is equal to nothing; to ask for null write { isNull: true }';

function parseObject(parse: Parse, where: unknown, path: string, depth: number): Condition {
  if (depth > limits.filterDepthMax) {
    throw tooLarge(path, 'filterDepthMax', `may be ${limits.filterDepthMax} levels deep at most`);
  }
  const all: Condition[] = [];
  for (const [name, member] of membersOf(where, path, 'an object of conditions')) {
    const place = `${path}.${name}`;
    if (name === 'and') {
      all.push(...parseList(parse, member, place, depth));
    } else if (name === 'or') {
      all.push({ kind: 'or', any: parseList(parse, member, place, depth) });
    } else if (name === 'not') {
      all.push({ kind: 'not', inner: parseObject(parse, member, place, depth + 1) });
    } else {
      const column = parse.columns.get(name);
      if (!column) {
        const mend = didYouMean(name, [...parse.columns.keys(), ...connectives]);
        throw invalid(place, `there is no column "${name}"; ${mend}`);
      }
      parseColumn(parse, column, member, place, all);
    }
  }
  return conjunction(all);
}

function parseList(parse: Parse, member: unknown, path: string, depth: number): Condition[] {
  if (!Array.isArray(member)) throw invalid(path, 'must be a list of conditions');
  countTerms(parse, member.length, path);
  return Array.from(member, (where, i) => parseObject(parse, where, `${path}[${i}]`, depth + 1));
}

function parseColumn(
  parse: Parse,
  column: ColumnDefinition,
  member: unknown,
  path: string,
  into: Condition[],
): void {
  const parts = partColumns(column);
  const partNames = kindOf(column).parts?.names ?? [];
  const allowed = [...partNames, ...operatorsOf(column)];
  for (const [name, operand] of operatorsIn(member, path)) {
    const place = `${path}.${name}`;
    const part = parts[partNames.indexOf(name)];
    if (part) {
      parseColumn(parse, part, operand, place, into);
      continue;
    }
    const operator = whereOperators.find((known) => known === name);
    if (!operator) {
      throw invalid(place, `there is no operator "${name}"; ${didYouMean(name, allowed)}`);
    }
    if (!allowed.includes(operator)) {
      const only = allowed.map((other) => `"${other}"`).join(', ');
      throw invalid(place, `${nounOf(column)} column has no "${operator}", only ${only}`);
    }
    if (operand === null) throw invalid(place, nullMend);
    into.push(parseClaimed(parse, column, operator, operand, place));
  }
}

/** An operator whose operand may be a claim, or a list with claims in it. */
function parseClaimed(
  parse: Parse,
  column: ColumnDefinition,
  operator: WhereOperator,
  operand: unknown,
  path: string,
): Condition {
  const { claimValue } = parse;
  const asIs = (value: unknown) => parseOperator(parse, column, operator, value, path);
  if (claimValue === null || operator === 'isNull') return asIs(operand);
  if (Array.isArray(operand)) {
    const values = operand.flatMap((value) =>
      isClaim(value) ? [claimValue(column, value.claim)].flat() : [value],
    );
    return asIs(values);
  }
  if (!isClaim(operand)) return asIs(operand);
  const value = claimValue(column, operand.claim);
  if (operator === 'in') return asIs([value].flat());
  if (!Array.isArray(value)) return asIs(value);
  if (operator === 'eq') return parseOperator(parse, column, 'in', value, path);
  if (operator === 'ne') return conjunction(value.map(asIs));
  throw invalid(path, 'cannot be asked of a list');
}

function parseOperator(
  parse: Parse,
  column: ColumnDefinition,
  operator: WhereOperator,
  operand: unknown,
  path: string,
): Condition {
  const { name } = column;
  countTerms(parse, 1, path);
  switch (operator) {
    case 'isNull':
      if (typeof operand !== 'boolean') throw invalid(path, 'must be true or false');
      return { kind: 'isNull', column: name, isNull: operand };
    case 'in': {
      if (!Array.isArray(operand)) throw invalid(path, 'must be a list of values');
      countTerms(parse, operand.length, path);
      return { kind: 'in', column: name, values: Array.from(operand, coerceAt(column, path)) };
    }
    case 'between': {
      if (!Array.isArray(operand) || operand.length !== 2) {
        throw invalid(path, 'must be a list of two values, [low, high], both included');
      }
      const [low, high] = Array.from(operand, coerceAt(column, path));
      if (low === undefined || high === undefined) throw new TypeError('two values are two values');
      return { kind: 'between', column: name, low, high };
    }
    case 'like': {
      countTerms(parse, limits.likeTerms - 1, path);
      const value = coerceScalar(column, operand, path);
      checkPattern(String(value), path);
      return { kind: 'compare', column: name, op: operator, value };
    }
    default:
      return {
        kind: 'compare',
        column: name,
        op: operator,
        value: coerceScalar(column, operand, path),
      };
  }
}

function coerceAt(column: ColumnDefinition, path: string) {
  return (value: unknown, i: number) => {
    if (value === null || value === undefined) throw invalid(`${path}[${i}]`, nullMend);
    return coerceScalar(column, value, `${path}[${i}]`);
  };
}

function operatorsIn(value: unknown, path: string): [string, unknown][] {
  if (value === null) throw invalid(path, nullMend);
  if (typeof value !== 'object') {
    throw invalid(path, 'must be an object of operators, such as { eq: 1 }');
  }
  return membersOf(value, path, 'an object of operators');
}

function membersOf(value: unknown, path: string, wanted: string): [string, unknown][] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || value instanceof Date || value instanceof Uint8Array) {
    throw invalid(path, `must be ${wanted}`);
  }
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

function nounOf(column: ColumnDefinition): string {
  if (column.list) return 'a list';
  if (isPosition(column)) return 'a position';
  return column.kind === 'enum' || column.kind.startsWith('i')
    ? `an ${column.kind}`
    : `a ${column.kind}`;
}

function checkPattern(pattern: string, path: string): void {
  if (pattern.length > limits.likePatternLengthMax) {
    const most = `may have patterns of ${limits.likePatternLengthMax} characters at most`;
    throw tooLarge(path, 'likePatternLengthMax', most);
  }
  const problem = likePatternProblem(pattern);
  if (problem !== null) throw invalid(path, problem);
}

function countTerms(parse: Parse, count: number, path: string): void {
  parse.terms += count;
  if (parse.terms > limits.filterTermsMax) {
    const most = `may compare with ${limits.filterTermsMax} values at most`;
    throw tooLarge(path, 'filterTermsMax', most);
  }
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${path}: ${problem}`, { details: { path } });
}

function tooLarge(
  path: string,
  limit: 'filterDepthMax' | 'filterTermsMax' | 'likePatternLengthMax',
  problem: string,
): EngineError {
  return new EngineError('LIMIT_EXCEEDED', `${path}: the condition ${problem}`, {
    details: { path, limit, max: limits[limit] },
  });
}
