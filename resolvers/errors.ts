import { GraphQLError } from 'graphql';
import {
  EngineError,
  type ErrorCategory,
  type ErrorCode,
  errorCategories,
} from '../engine/model/errors.ts';
import { shortMessage } from './short-message.ts';

/**
 * The only place where an engine error becomes a GraphQL one. Whatever is not an error of the
 * contract is a bug or an accident: it is logged and answered as `INTERNAL`, without its message.
 */

/** Which step refused: of one request they run in this order. */
export type ErrorPhase =
  /** The HTTP body or WebSocket message could not be understood. */
  | 'request'
  | 'parse'
  | 'validate'
  /** Coercion of variables, resolvers, and the source of a subscription. */
  | 'execute';

export interface ErrorScope {
  readonly requestId: string;
  /** Gets the original of every error that is answered as `INTERNAL`. */
  logInternal(error: unknown, requestId: string): void;
}

/** `extensions` of an error, and the body of errors on the endpoints that are not GraphQL. */
export interface ErrorExtensions {
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

/** Any error as a client may see it. Never throws. */
export function toClientError(error: unknown, phase: ErrorPhase, scope: ErrorScope): GraphQLError {
  const known = engineErrorOf(error, phase);
  if (!known) scope.logInternal(error, scope.requestId);
  const shown = known ?? internalError();
  const located = error instanceof GraphQLError ? error : null;
  return new GraphQLError(shortMessage(shown.message), {
    nodes: located?.nodes ?? null,
    source: located?.source ?? null,
    positions: located?.positions ?? null,
    path: located?.path ?? null,
    extensions: {
      ...(located?.extensions.http === undefined ? {} : { http: located.extensions.http }),
      ...errorExtensions(shown, scope.requestId),
    },
  });
}

export function errorExtensions(error: EngineError, requestId: string): ErrorExtensions {
  return {
    code: error.code,
    category: error.category,
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
    details: shortPath(error.details),
    requestId,
  };
}

/** A path may hold a name that the client has made up. */
function shortPath(details: EngineError['details']): EngineError['details'] {
  const { path } = details;
  if (typeof path !== 'string') return details;
  const short = shortMessage(path);
  return short === path ? details : { ...details, path: short };
}

/** What any endpoint answers to an unknown error; the caller logs the original. */
export function internalError(): EngineError {
  return new EngineError(
    'INTERNAL',
    'the server failed to answer; report the requestId to its operators',
  );
}

/** The error of the contract behind `error`, or null where there is none. */
function engineErrorOf(error: unknown, phase: ErrorPhase): EngineError | null {
  if (error instanceof EngineError) return error;
  if (!(error instanceof GraphQLError)) return null;
  const code = error.extensions.code;
  if (isErrorCode(code)) return fromExtensions(error, code);
  const original = error.originalError;
  if (original instanceof EngineError) {
    // A scalar refused the value of a variable: graphql-js knows the place, the scalar the reason.
    return error.path === undefined ? badInput(error) : original;
  }
  // Whoever parses and validates wraps what goes wrong in there, such as a stack that overflows.
  const isBug = original !== undefined && !(original instanceof GraphQLError);
  if (isBug && phase !== 'execute') return null;
  switch (phase) {
    case 'request':
      return new EngineError('BAD_USER_INPUT', error.message);
    case 'parse':
      return new EngineError('GRAPHQL_PARSE_FAILED', error.message);
    case 'validate':
      return new EngineError('GRAPHQL_VALIDATION_FAILED', error.message);
    case 'execute':
      return isInputError(error) ? badInput(error) : null;
  }
}

/**
 * graphql-js refuses variables before any field runs (no path), and arguments when their field
 * runs: then the original is a `GraphQLError` too, at the argument's node. A plain original, or
 * one without a node (a scalar that cannot print what a resolver gave it), is the server's fault.
 */
function isInputError(error: GraphQLError): boolean {
  if (error.path === undefined) {
    return error.originalError === undefined || error.originalError instanceof GraphQLError;
  }
  const original = error.originalError;
  return original instanceof GraphQLError && (original.nodes?.length ?? 0) > 0;
}

function badInput(error: GraphQLError): EngineError {
  const place = /^Variable "\$([^"]+)" got invalid value .*? at "([^"]+)"/.exec(error.message);
  const path = place?.[2] ?? /^Variable "\$([^"]+)"/.exec(error.message)?.[1];
  return new EngineError('BAD_USER_INPUT', error.message, path ? { details: { path } } : {});
}

function fromExtensions(error: GraphQLError, code: ErrorCode): EngineError {
  const { details, retryAfterMs } = error.extensions;
  return new EngineError(code, error.message, {
    ...(typeof details === 'object' && details !== null ? { details: { ...details } } : {}),
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCategories, code);
}
