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

/** One that may be named by its id instead of, or beside, its text. */
export interface AskedOperation extends Omit<GraphqlParams, 'query'> {
  /** Null where the id alone was sent. */
  readonly query: string | null;
  /** The SHA-256 of the document, in hexadecimal; null where it was not sent. */
  readonly id: string | null;
}

/** Reads the body of a POST. Throws, as `checkParams` does, saying what is wrong with it. */
export function parseBodyParams(body: Buffer): AskedOperation {
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
export function parseQueryParams(query: URLSearchParams): AskedOperation {
  return checkParams({
    query: query.get('query'),
    id: query.get('id'),
    documentId: query.get('documentId'),
    operationName: query.get('operationName'),
    variables: jsonParameter(query, 'variables'),
    extensions: jsonParameter(query, 'extensions'),
  });
}

/** Checks the shape of an operation. Throws `BAD_USER_INPUT`, and `LIMIT_EXCEEDED` for its depth. */
export function checkParams(value: unknown): AskedOperation {
  if (!isObject(value)) throw new EngineError('BAD_USER_INPUT', 'an operation is a JSON object');
  const { query, variables, operationName, extensions } = value;
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
  const id = operationIdIn(value);
  const isLeftOut = id !== null && (query === undefined || query === null || query === '');
  if (!isLeftOut && (typeof query !== 'string' || query === '')) {
    throw new EngineError('BAD_USER_INPUT', '"query" must be the text of a GraphQL document');
  }
  return {
    query: isLeftOut ? null : (query as string),
    id,
    variables: variables ?? {},
    ...(typeof operationName === 'string' && operationName !== '' ? { operationName } : {}),
    extensions: extensions ?? {},
  };
}

/**
 * The id that an operation is named by: `extensions.persistedQuery.sha256Hash` (Apollo, urql),
 * `documentId` (GraphQL over HTTP, `sha256:…` or bare) or `id` (Relay). Null where there is none.
 */
function operationIdIn({
  id,
  documentId,
  extensions,
}: Readonly<Record<string, unknown>>): string | null {
  const { persistedQuery } = (extensions ?? {}) as { readonly persistedQuery?: unknown };
  const isAutomatic = isObject(persistedQuery);
  if (isAutomatic && persistedQuery.version !== undefined && persistedQuery.version !== 1) {
    throw new EngineError('BAD_USER_INPUT', 'persisted queries of version 1 are known here', {
      details: { path: 'extensions.persistedQuery.version' },
    });
  }
  const named = [isAutomatic ? persistedQuery.sha256Hash : undefined, documentId, id];
  const given = named.find((one) => one !== undefined && one !== null && one !== '');
  if (given === undefined) return null;
  const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(String(given)) ?? [];
  if (hex !== undefined) return hex.toLowerCase();
  throw new EngineError(
    'BAD_USER_INPUT',
    'an operation is named by the SHA-256 of its document, 64 hexadecimal digits',
    { details: { path: isAutomatic ? 'extensions.persistedQuery.sha256Hash' : 'documentId' } },
  );
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
