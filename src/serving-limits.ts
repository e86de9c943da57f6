/**
 * The bounds of serving: of GraphQL documents, of sockets and of tokens, which the engine knows
 * nothing of. `docs/limits.md` lists them beside the engine's own.
 */
export const servingLimits = {
  /** Operations and fragments of one GraphQL document. */
  graphqlDefinitionsMax: 100,
  /** Directives of one GraphQL document. */
  graphqlDirectivesMax: 100,
  /**
   * What validation compares of fields that answer under one name: their number, times the
   * characters of their arguments. 250 times the same field without arguments fit.
   */
  graphqlComparedCharsMax: 1024 * 1024,
  /** Errors that validation looks for in one document. */
  graphqlValidationErrorsMax: 20,
  /** Values in the variables of a query or subscription: three for each comparison of a `where`. */
  graphqlVariableValuesMax: 50_000,
  /** Characters of the answers to the newest frames that are kept for their other subscribers. */
  frameTextsCharsMax: 8 * 1024 * 1024,
  /** Bytes that a WebSocket may send before it is signed in: `connection_init` with its token. */
  webSocketInitBytesMax: 32 * 1024,
  /** WebSockets that are not signed in yet, of one server and from one address. */
  webSocketsUnsignedMax: 2_000,
  webSocketsUnsignedPerAddressMax: 500,
  /** How long a client may take to answer that its WebSocket is closed, before it is cut. */
  webSocketCloseMs: 2_000,
  /** How long after a look at the issuer's keys the next one for an unknown key comes, at the earliest. */
  keySetCooldownMs: 5_000,
  /** Tokens of unknown keys that wait for that look. */
  keySetWaitersMax: 1_000,
} as const;

if (servingLimits.webSocketsUnsignedPerAddressMax > servingLimits.webSocketsUnsignedMax) {
  throw new RangeError('the WebSockets of one address are a part of all');
}
