export type { AsOf } from './runtime/as-of.ts';
export type { RetryPolicy } from './runtime/backoff.ts';
export type { ColumnSpec } from './runtime/columns.ts';
export {
  type ClientErrorCode,
  type CodeOf,
  type ErrorCategory,
  type ErrorCode,
  hasCategory,
  hasCode,
  type ServerErrorCode,
  TickloomError,
} from './runtime/errors.ts';
export type { Export, ExportFormat, ExportOf, ExportShape, SqlExport } from './runtime/export.ts';
export type { Frame } from './runtime/frame.ts';
export type {
  Group,
  GroupOrder,
  Groups,
  GroupsQuery,
  Having,
  StateGroupsQuery,
} from './runtime/groups.ts';
export type { HistoryTable } from './runtime/history-table.ts';
export type { Json, JsonObject, JsonValue, Vec3 } from './runtime/kinds.ts';
export type { MaterializedView } from './runtime/materialized-view.ts';
export type { Position } from './runtime/position.ts';
export type { ListOptions, Page } from './runtime/row-list.ts';
export type { Comparison, OrderBy, Where } from './runtime/row-types.ts';
export type { OpenSessionOptions, Session, SessionInfo } from './runtime/session.ts';
export type {
  RetryOnConflictOptions,
  StateTable,
  SwapOptions,
  WriteResult,
} from './runtime/state-table.ts';
export type { AcceptedAction, ActionVerdict, RefusedAction } from './runtime/submissions.ts';
export type { ChangesOptions, Subscription } from './runtime/subscription.ts';
export type {
  ActionInput,
  ActionOf,
  ActionRowOf,
  EventEffects,
  EventInput,
  StateAddition,
  StateEffects,
  StateInput,
  StatePatch,
  TickBuilder,
  TickKey,
} from './runtime/tick-builder.ts';
export type {
  CommitOptions,
  Conflict,
  ConflictCode,
  RejectedAction,
  RepeatedAction,
  TickOutcome,
} from './runtime/tick-commit.ts';
export {
  type PipelineOptions,
  PipelineStoppedError,
  type TickPipeline,
} from './runtime/tick-pipeline.ts';
export type { TableDescriptor, TitleDescriptor, ViewDescriptor } from './runtime/title.ts';
export { type ClientOptions, TitleClient } from './runtime/title-client.ts';
export type { TokenProvider } from './runtime/token-source.ts';
export type { TracedSpan, Tracer } from './runtime/tracing.ts';
export type { CallOptions, QueryClass, ResponseInfo } from './runtime/transport.ts';
export type { View, ViewRows } from './runtime/view.ts';
