/**
 * The engine's door: everything that the rest of the house, or whoever uses the engine as a library,
 * takes of it. Beside it stand `engine/model`, the words, and `engine/manifest/index.ts`, which a
 * title's manifest imports and which loads nothing else.
 */

export { rowsSeen } from './access/claim-condition.ts';
export { ColumnMasks } from './access/column-mask.ts';
export {
  decideCapability,
  decideExport,
  decideSession,
  decideTable,
  decideView,
  type TableRight,
} from './access/decide.ts';
export type { Decision, Refused } from './access/decision.ts';
export { type AccessExplanation, explainAccess } from './access/explain-access.ts';
export {
  decideNames,
  hidesRows,
  type SeenTables,
  type Sight,
  sightOf,
} from './access/seen-tables.ts';
export {
  type ColumnShown,
  decideColumnWrites,
  decideShow,
  decideUse,
  grantOf,
  hasColumnRules,
  shownAs,
  showsAll,
} from './access/table-access.ts';
export type {
  ColumnQueries,
  ExportRequest,
  ExportSource,
  Group,
  GroupAggregate,
  QueryBounds,
  QueryStatistics,
  SqlResult,
} from './columns/column-queries.ts';
export type { ColumnStore } from './columns/column-store.ts';
export { ColumnsHost, type ColumnsTarget } from './columns/columns-host.ts';
export type { OpenColumnStore } from './columns/open-column-store.ts';
export { namesInSql } from './columns/queries/user-sql/user-sql.ts';
export { SideTable, type SideTableDefinition } from './columns/side-table.ts';
export { lockDirectory } from './disk/directory-lock.ts';
export { makeDirectories } from './disk/make-directories.ts';
export type { Storage } from './disk/storage.ts';
export type {
  ContentionKind,
  ContentionReport,
  ContentionRow,
} from './govern/contention-report.ts';
export { ClientDeparture, type Departure } from './govern/departure.ts';
export { OneByOne } from './govern/one-by-one.ts';
export type { AuthorOf, RecordAuthor } from './govern/record-author.ts';
export { SharedWork } from './govern/shared-work.ts';
export type { SpanAttributes, SpanSink } from './govern/span-sink.ts';
export {
  requestEnded,
  Ticket,
  type TicketPrincipal,
  type Trace,
} from './govern/ticket.ts';
export type { WorkResult } from './govern/turns.ts';
export type { Work } from './govern/work.ts';
export { WorkBudget } from './govern/work-budget.ts';
export { decodeCommitBody } from './intake/arrow/commit-body.ts';
export { decodeJsonBody } from './intake/json/json-body.ts';
export { buildTickBatch } from './intake/rows/batch-builder.ts';
export type { ActionInput, EffectInput, TickInput } from './intake/rows/row-input.ts';
export type { CommitLog, Durability, LogRecord } from './log/commit-log.ts';
export { openFileLog } from './log/open-file-log.ts';
export { readLog } from './log/read-log.ts';
export type { LogReport } from './log/recover-segments.ts';
export { manifestHash, parseManifest, serializeManifest } from './manifest/manifest-json.ts';
export { titleProblem } from './manifest/names.ts';
export { validateManifest } from './manifest/validate.ts';
export { viewColumns } from './manifest/view-columns.ts';
export { Catalog } from './model/catalog.ts';
export { EngineError, type ErrorCode } from './model/errors.ts';
export { formatPosition, type Lsn, parsePosition } from './model/position.ts';
export type { Row, TitleManifest, Value } from './model/types.ts';
export type { Engine } from './ports/engine.ts';
export type { StatePageRequest, StateQueries } from './ports/state-queries.ts';
export { conditionText } from './query/canonical-condition.ts';
export { claimsOf } from './query/claimed-where.ts';
export { coerceScalar } from './query/coerce-scalar.ts';
export { type Condition, conjunction } from './query/condition.ts';
export { conditionTerms } from './query/condition-units.ts';
export { namedColumns } from './query/named-columns.ts';
export { parseWhere } from './query/parse-where.ts';
export { rowPredicate } from './query/row-predicate.ts';
export { operatorsOf, type WhereOperator } from './query/where-operators.ts';
export { diffReplay, type ReplayDifference } from './recover/diff-replay.ts';
export { parseKept } from './recover/kept-manifest.ts';
export type { ReplayOptions } from './recover/replay-log.ts';
export { type VerifyReport, verifyReplay } from './recover/verify-replay.ts';
export type { SessionInfo } from './state/session.ts';
export { sessionColumns } from './state/session-list.ts';
export type { OrderBy, RowPage } from './state/state-reader.ts';
export type { ConflictPolicy, EffectOp, TickBatch, TickHeader } from './tick/tick-batch.ts';
export type { ActionConflict, EffectConflict, TickOutcome } from './tick/tick-outcome.ts';
export { timeOfRecord } from './tick/tick-record.ts';
export { Lifetime } from './time/lifetime.ts';
export { processTimers, type Timers } from './time/timers.ts';
export { type EngineOptions, openEngine } from './title/open-engine.ts';
export type {
  Frame,
  FrameStanding,
  FrameStream,
  SubscribeRequest,
  ViewQueries,
} from './views/view-engine.ts';
