import { limits } from '../engine/model/limits.ts';

/**
 * The bounds of serving: of GraphQL documents, bodies, sockets, tokens and export links, which the
 * engine knows nothing of. `docs/limits.md` lists them beside the engine's own.
 */
export const servingLimits = {
  /** Spans that wait for a collector of traces; past it they are dropped. */
  spansQueuedMax: 4_096,
  /** Titles of one server. */
  titlesMax: 100,
  /** Bytes of what an operator sends by the control socket: a manifest. */
  controlBodyBytesMax: 16 * 1024 * 1024,
  /** Bytes of one audit record: names, numbers and the start of SQL. */
  auditRecordBytesMax: 16 * 1024,
  /** Characters of what a client makes up about itself in an audit record: names, addresses, programs. */
  auditTextCharsMax: 256,
  /** Audit records, and their bytes, that wait in memory for room on the disk. */
  auditWaitingRecordsMax: 10_000,
  auditWaitingBytesMax: 8 * 1024 * 1024,
  /** Bytes of one segment of the audit log, in which it is dropped when it is old. */
  auditSegmentBytesMax: 16 * 1024 * 1024,
  /** Refusals of an action told apart within a window, and its length: the same ones again are one record. */
  auditRefusalsToldMax: 100,
  auditRefusalWindowMs: 10_000,
  /** Audit records shipped to the column store in one insert. */
  auditShipRecordsMax: 5_000,
  /** Days that the audit log can be kept. */
  auditRetainDaysMax: 36_500,
  /** Days that the files of a removed title are kept. */
  removedTitleKeptDaysMax: 3_650,
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
  /** Bytes of the answers to the newest frames that are kept for their other subscribers. */
  frameTextsBytesMax: 8 * 1024 * 1024,
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
  /** How old what discovery found may be before the provider is asked again. */
  discoveryAgeMaxMs: 10 * 60_000,
  /** Bytes of an answer of a provider: its discovery document, its keys, what it says of a token. */
  providerAnswerBytesMax: 1024 * 1024,
  /** Characters of a token. Node takes 16 KiB of headers, those beside the token among them. */
  tokenCharsMax: 16 * 1024,
  /** How long it is remembered what a provider said of a token, and never longer than the token is good. */
  introspectionRememberedMs: 10_000,
  /** Tokens that a provider is asked for at the same time, and those remembered that it did not know. */
  introspectionsRunningMax: 100,
  tokensRefusedRememberedMax: 10_000,
  /** How often a provider is asked again for the token of a WebSocket or event stream that stays open. */
  introspectionRecheckMs: 30_000,
  /** How long a stream goes on while the provider of its token does not answer. */
  introspectionSilenceMaxMs: 60_000,
  /** Bytes of a form that the sandbox's provider reads, and codes of it that wait for their client. */
  sandboxFormBytesMax: 64 * 1024,
  sandboxCodesMax: 1_000,
  /** Denials of tokens and subjects in the list of one server. */
  denialsMax: 10_000,
  /** Bytes of one request body on the GraphQL path. */
  graphqlBodyBytesMax: 32 * 1024 * 1024,
  /** Bytes of one of a role that cannot commit. */
  graphqlQuestionBytesMax: 1024 * 1024,
  /** Bytes of one request body on the commit endpoint, and of one in JSON there. */
  commitBodyBytesMax: 128 * 1024 * 1024,
  commitJsonBytesMax: 32 * 1024 * 1024,
  /** Nesting of fields in one GraphQL operation; the usual introspection query needs 13. */
  graphqlDepthMax: 24,
  /** Fields of one GraphQL operation, fragments spread out. */
  graphqlFieldsMax: 2_000,
  /** Lexical tokens of one GraphQL document; large ticks belong in variables. */
  graphqlTokensMax: 50_000,
  /** Brackets within each other in a GraphQL document, objects and lists in its variables. */
  graphqlNestingMax: 256,
  /** Parsed documents kept for the next request with the same text, and the longest kept. */
  graphqlDocumentsCachedMax: 1_000,
  graphqlDocumentCachedCharsMax: 32 * 1024,
  /** Parts of a title's schema that are kept, one for each set of rights that roles have. */
  roleSchemasMax: 100,
  /** Open WebSockets of one server, operations running on one of them. */
  webSocketsMax: 20_000,
  webSocketOperationsMax: 200,
  /** How long a WebSocket may take to say who it is, and to answer a ping, which comes so often. */
  webSocketInitMs: 5_000,
  webSocketPingMs: 15_000,
  /** How long the head of a request may take to arrive, and all of it: 128 MiB at a slow 4 MB/s take 34 s. */
  httpHeadersMs: 20_000,
  httpRequestMs: 120_000,
  /** Longer than the idle timeouts of the usual load balancers (60 s), so that they close first. */
  httpKeepAliveMs: 75_000,
  /** Verified tokens remembered until they expire. */
  tokensRememberedMax: 10_000,
  /** Clients whose use is counted, of one role; others share one count until some are forgotten. */
  clientsCountedMax: 50_000,
  /** How long a client waits at most for a debt of bytes or rows to be paid. */
  debtMsMax: 3_600_000,
  /** Export links that have not expired, exports streaming at the same time. */
  exportsMax: 10_000,
  exportStreamsMax: 16,
  /** Disk for copies of exports that were read whole, of one title, and free disk below which none are made. */
  exportCopiesBytesMax: 8 * 1024 * 1024 * 1024,
  exportCopiesFreeBytesMin: 1024 * 1024 * 1024,
} as const;

if (servingLimits.auditWaitingBytesMax < 64 * servingLimits.auditRecordBytesMax) {
  throw new RangeError('the largest audit records must be able to wait');
}
if (servingLimits.webSocketsUnsignedPerAddressMax > servingLimits.webSocketsUnsignedMax) {
  throw new RangeError('the WebSockets of one address are a part of all');
}
if (
  servingLimits.introspectionRememberedMs > servingLimits.introspectionRecheckMs ||
  servingLimits.introspectionRecheckMs > 60_000
) {
  throw new RangeError('a token that its provider took back works for a minute at most');
}
if (limits.logRecordBytesMax < servingLimits.commitBodyBytesMax) {
  throw new RangeError('a commit body must fit in one log record');
}
if (servingLimits.httpRequestMs < servingLimits.httpHeadersMs) {
  throw new RangeError('the head of a request is a part of it');
}
// What stands around a value: the body, the tick, lists of actions and effects, table, operation.
if (servingLimits.graphqlNestingMax < limits.jsonDepthMax + 16) {
  throw new RangeError('the deepest JSON value must fit in the variables of a tick');
}
// A `where` nests twice a level, in `and` or `or` and their lists.
if (servingLimits.graphqlNestingMax < 2 * limits.filterDepthMax + 16) {
  throw new RangeError('the deepest condition must fit in the variables of a tick');
}
