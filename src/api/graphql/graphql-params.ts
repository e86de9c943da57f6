import { isUtf8 } from 'node:buffer';
import { EngineError } from '../../../engine/model/errors.ts';
import { valueNestsDeeper } from '../../../engine/model/json-depth.ts';
import { servingLimits } from '../../serving-limits.ts';

/** One operation as a client sends it. */
export interface GraphqlParams {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly operationName?: string;
  readonly extensions: Record<string, unknown>;
}

/** Reads the body of a POST. Throws, as `checkParams` does, saying what is wrong with it. */
export function parseBodyParams(body: Buffer): GraphqlParams {
  // Decoding would replace what is broken, so that another text is stored than was sent.
  if (!isUtf8(body)) throw new EngineError('BAD_USER_INPUT', 'the request body is not valid UTF-8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new EngineError('BAD_USER_INPUT', 'the request body is not valid JSON', { cause: error });
  }
  if (Array.isArray(parsed)) {
    throw new EngineError(
      'BAD_USER_INPUT',
      'one request holds one operation; batches are not taken',
    );
  }
  return checkParams(parsed);
}

/** Reads the query string of a GET. Throws as `checkParams` does. */
export function parseQueryParams(query: URLSearchParams): GraphqlParams {
  return checkParams({
    query: query.get('query'),
    operationName: query.get('operationName'),
    variables: jsonParameter(query, 'variables'),
    extensions: jsonParameter(query, 'extensions'),
  });
}

/** Checks the shape of an operation. Throws `BAD_USER_INPUT`, and `LIMIT_EXCEEDED` for its depth. */
export function checkParams(value: unknown): GraphqlParams {
  if (!isObject(value)) throw new EngineError('BAD_USER_INPUT', 'an operation is a JSON object');
  const { query, variables, operationName, extensions } = value;
  if (typeof query !== 'string' || query === '') {
    throw new EngineError('BAD_USER_INPUT', '"query" must be the text of a GraphQL document');
  }
  if (variables !== undefined && variables !== null && !isObject(variables)) {
    throw new EngineError('BAD_USER_INPUT', '"variables" must be an object');
  }
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new EngineError('BAD_USER_INPUT', '"operationName" must be a text');
  }
  if (extensions !== undefined && extensions !== null && !isObject(extensions)) {
    throw new EngineError('BAD_USER_INPUT', '"extensions" must be an object');
  }
  checkNesting(variables, 'variables');
  checkNesting(extensions, 'extensions');
  return {
    query,
    variables: variables ?? {},
    ...(typeof operationName === 'string' && operationName !== '' ? { operationName } : {}),
    extensions: extensions ?? {},
  };
}

function jsonParameter(query: URLSearchParams, name: string): unknown {
  const text = query.get(name);
  if (text === null || text === '') return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EngineError('BAD_USER_INPUT', `"${name}" in the URL is not valid JSON`, {
      cause: error,
    });
  }
}

/** Coercion and conditions follow the nesting by recursion, so it is bounded before. */
function checkNesting(value: unknown, path: string): void {
  const max = servingLimits.graphqlNestingMax;
  if (!valueNestsDeeper(value, max)) return;
  throw new EngineError('LIMIT_EXCEEDED', `"${path}" may nest ${max} levels deep at most`, {
    details: { path, limit: 'graphqlNestingMax', max },
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
