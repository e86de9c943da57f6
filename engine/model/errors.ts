/** The closed union of error codes; `contract.md` fixes the names, `docs/errors.md` explains them. */
export const errorCategories = {
  TICK_OUT_OF_ORDER: 'conflict',
  TICK_ABORTED: 'conflict',
  FENCED: 'conflict',
  IDEMPOTENCY_MISMATCH: 'conflict',
  BAD_USER_INPUT: 'invalid',
  SCAN_REFUSED: 'invalid',
  CROSS_SHARD: 'invalid',
  LIMIT_EXCEEDED: 'invalid',
  NOT_FOUND: 'invalid',
  GRAPHQL_PARSE_FAILED: 'invalid',
  GRAPHQL_VALIDATION_FAILED: 'invalid',
  SCHEMA_MISMATCH: 'schema',
  UNKNOWN_TITLE: 'schema',
  MIGRATION_REFUSED: 'schema',
  UNAUTHENTICATED: 'auth',
  TOKEN_EXPIRED: 'auth',
  FORBIDDEN: 'auth',
  OVERLOADED: 'overload',
  RATE_LIMITED: 'overload',
  QUOTA_EXCEEDED: 'overload',
  QUERY_KILLED: 'overload',
  QUERY_TIMEOUT: 'overload',
  QUERY_MEMORY: 'overload',
  UNAVAILABLE: 'transient',
  NOT_CAUGHT_UP: 'transient',
  INTERNAL: 'internal',
} as const;

export type ErrorCode = keyof typeof errorCategories;
export type ErrorCategory = (typeof errorCategories)[ErrorCode];

export interface ErrorOptions {
  /** Facts for machines: numbers, names, the place in the input. Never internals. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** When a client may try again, for `overload` and `transient`. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * An operating error with a code of the contract. Its message is shown to clients, so it names the
 * place and the mend and holds no internals. A bug is never an `EngineError`.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  get category(): ErrorCategory {
    return errorCategories[this.code];
  }

  /** What an operator ended shall not come back by itself. */
  get retryable(): boolean {
    if (this.code === 'QUERY_KILLED') return false;
    return this.category === 'overload' || this.category === 'transient';
  }
}
