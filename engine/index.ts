/** The engine as a library: the door for whoever uses it without the server. */
export type { ColumnStore } from './columns/column-store.ts';
export type {
  ActionConflict,
  EffectConflict,
  Engine,
  SessionInfo,
  TickOutcome,
} from './engine.ts';
export { EngineError, type ErrorCode } from './errors.ts';
export type { Durability } from './log/commit-log.ts';
export { Catalog } from './manifest/catalog.ts';
export type { Row, TitleManifest, Value } from './manifest/types.ts';
export { type EngineOptions, openEngine } from './open-engine.ts';
export { formatPosition, type Lsn, parsePosition } from './position.ts';
export { diffReplay } from './recover/diff-replay.ts';
export { verifyReplay } from './recover/verify-replay.ts';
export { buildTickBatch } from './tick/batch-builder.ts';
export { decodeCommitBody } from './tick/commit-body.ts';
export type { ActionInput, EffectInput, TickInput } from './tick/row-input.ts';
export type { TickBatch, TickHeader } from './tick/tick-batch.ts';
export type { Frame, SubscribeRequest, ViewEngine } from './views/view-engine.ts';
