import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { ErrorCode } from '../../../engine/model/errors.ts';
import { servingLimits } from '../../serving-limits.ts';

/**
 * The refusal of a query or subscription whose variables hold too many values; null where they do
 * not. graphql-js coerces each of them with a path of its own before any field runs. Mutations carry
 * ticks, which are coerced fast and have bounds of their own.
 */
export function tooManyValues(args: ExecutionArgs): ExecutionResult | null {
  const operation = getOperationAST(args.document, args.operationName)?.operation;
  const max = servingLimits.graphqlVariableValuesMax;
  if (operation === 'mutation' || !holdsMore(args.variableValues, max)) return null;
  const code: ErrorCode = 'LIMIT_EXCEEDED';
  const details = { path: 'variables', limit: 'graphqlVariableValuesMax', max };
  const message = `"variables" of a query hold ${max} values at most, lists and objects among them`;
  return { errors: [new GraphQLError(message, { extensions: { code, details } })] };
}

function holdsMore(root: unknown, max: number): boolean {
  const pending: unknown[] = [root];
  let count = 0;
  for (let next = pending.pop(); pending.length > 0 || next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const values = Array.isArray(next) ? next : Object.values(next);
    count += values.length;
    if (count > max) return true;
    for (const value of values)
      if (typeof value === 'object' && value !== null) pending.push(value);
  }
  return false;
}
