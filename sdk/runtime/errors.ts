/**
 * The server's codes by category. Declared here on its own: the SDK imports nothing of the server,
 * and a test holds the two lists equal.
 */
export const serverErrorCategories = {
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
  PERSISTED_QUERY_NOT_FOUND: 'invalid',
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

/** What only a client can say: no usable answer came. */
export const clientErrorCategories = {
  NETWORK_FAILED: 'network',
  REQUEST_TIMEOUT: 'network',
  BAD_RESPONSE: 'network',
  REQUEST_ABORTED: 'network',
} as const;

const errorCategories = { ...serverErrorCategories, ...clientErrorCategories } as const;

export type ServerErrorCode = keyof typeof serverErrorCategories;
export type ClientErrorCode = keyof typeof clientErrorCategories;
export type ErrorCode = ServerErrorCode | ClientErrorCode;
export type ErrorCategory = (typeof errorCategories)[ErrorCode];

export interface TickloomErrorOptions {
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** Every error the SDK throws; `code` and `category` are closed unions, fit for a `switch`. */
export class TickloomError extends Error {
  override readonly name: string = 'TickloomError';
  readonly code: ErrorCode;
  /** Facts for machines, as the server gave them. */
  readonly details: Readonly<Record<string, unknown>>;
  /** How long the server asks to wait before the next try. */
  readonly retryAfterMs: number | null;
  /** Names the request in the server's log. */
  readonly requestId: string | null;

  constructor(code: ErrorCode, message: string, options: TickloomErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.requestId = options.requestId ?? null;
  }

  get category(): ErrorCategory {
    return errorCategories[this.code];
  }

  /** Whether the request may succeed later, unchanged. */
  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }

  /**
   * True when nobody can say whether a write of this request took place. Ask again with the same
   * idempotency key, or read, before writing anew.
   */
  get outcomeUnknown(): boolean {
    const { category } = this;
    return category === 'network' || category === 'transient' || category === 'internal';
  }
}

/**
 * Overload that a smaller query would cure (`QUERY_…`, quotas) is not in here: the same query again
 * would only add to it.
 */
const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OVERLOADED',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'NOT_CAUGHT_UP',
  'NETWORK_FAILED',
  'REQUEST_TIMEOUT',
  'BAD_RESPONSE',
]);

/** Narrows to an error of one category: `if (hasCategory(error, 'conflict')) …`. */
export function hasCategory<Category extends ErrorCategory>(
  error: unknown,
  category: Category,
): error is TickloomError & { readonly category: Category; readonly code: CodeOf<Category> } {
  return error instanceof TickloomError && error.category === category;
}

/** The codes of one category. */
export type CodeOf<Category extends ErrorCategory> = {
  [Code in ErrorCode]: (typeof errorCategories)[Code] extends Category ? Code : never;
}[ErrorCode];

/** Narrows to an error with one of the codes: `if (hasCode(error, 'FENCED')) …`. */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is TickloomError & { readonly code: Code } {
  return error instanceof TickloomError && (codes as readonly ErrorCode[]).includes(error.code);
}

/** One entry of a GraphQL answer's `errors`, or the JSON error of a plain HTTP endpoint. */
export interface WireError {
  readonly message?: unknown;
  readonly extensions?: unknown;
}

/** A code of a newer server that this SDK does not know becomes `INTERNAL`, named in `details`. */
export function errorFromWire(wire: WireError): TickloomError {
  const extensions = isRecord(wire.extensions) ? wire.extensions : {};
  const { code, retryAfterMs, requestId } = extensions;
  const details = isRecord(extensions.details) ? extensions.details : {};
  const known = isServerErrorCode(code);
  return new TickloomError(
    known ? code : 'INTERNAL',
    typeof wire.message === 'string' ? wire.message : 'the server answered with an error',
    {
      details: known ? details : { ...details, serverCode: code ?? null },
      retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
      requestId: typeof requestId === 'string' ? requestId : undefined,
    },
  );
}

const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  410: 'NOT_FOUND',
  413: 'LIMIT_EXCEEDED',
  429: 'RATE_LIMITED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

/** The error for an answer without a body in the contract's shape: a proxy's page, an empty reply. */
export function errorFromStatus(
  status: number,
  retryAfter: string | null,
  requestUrl: string,
): TickloomError {
  const retryAfterSeconds = Number(retryAfter ?? Number.NaN);
  return new TickloomError(
    codeByStatus[status] ?? 'BAD_RESPONSE',
    `${requestUrl} answered with HTTP status ${status} and no body this SDK can read`,
    {
      details: { status },
      retryAfterMs: Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined,
    },
  );
}

export function isServerErrorCode(value: unknown): value is ServerErrorCode {
  return typeof value === 'string' && Object.hasOwn(serverErrorCategories, value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
