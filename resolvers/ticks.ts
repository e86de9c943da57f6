import { buildTickBatch, type EffectConflict, type TickOutcome } from '../engine/index.ts';
import type { Catalog } from '../engine/model/catalog.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { ConflictCode } from '../engine/model/system-columns.ts';
import type { Row, TableDefinition } from '../engine/model/types.ts';
import { auditedFailure } from './audited.ts';
import { authoriseBatch, authoriseCommit, mayRead } from './authorise.ts';
import { keyAsJson } from './column-value.ts';
import type { RequestContext } from './context.ts';
import {
  type CommitTickArguments,
  type OperationArguments,
  TickInputReader,
} from './tick-input.ts';

export type Verdict = 'ACCEPTED' | 'REJECTED';

export interface ActionResult {
  readonly index: number;
  readonly actionId: string;
  readonly verdict: Verdict;
  readonly conflict: EffectConflict | null;
  /** Where it was settled before; null: it was settled here. */
  readonly first: FirstVerdict | null;
}

/** The first verdict of an action that is answered once. */
export interface FirstVerdict {
  readonly lsn: Lsn;
  readonly conflict: ConflictCode | null;
  readonly sameContent: boolean;
}

/** What a direct write answers. */
export interface RowWrite {
  readonly outcome: TickOutcome;
  /** The row as it is now; null when it is gone or the role may not read it. */
  readonly row: Row | null;
}

/** Commits one tick: rows to columns in one pass, then the engine's one write path. */
export function commitTick(catalog: Catalog) {
  const reader = new TickInputReader(catalog);
  return async (
    _root: unknown,
    { input }: { readonly input: CommitTickArguments },
    context: RequestContext,
  ): Promise<TickOutcome> => {
    authoriseCommit(context);
    await context.use.take('tick', context);
    const batch = buildTickBatch(catalog, reader.read(input));
    authoriseBatch(context, batch, catalog);
    const outcome = await context.engine.commit(context.ticket, batch);
    context.report.sawPosition(outcome.lsn);
    return outcome;
  };
}

/** Swaps one row outside tick order, durably: a tick of its own. */
export function compareAndSet(catalog: Catalog, table: TableDefinition) {
  const reader = new TickInputReader(catalog);
  const isOfSession = table.key.includes('sessionId');
  return async (
    _root: unknown,
    args: { readonly input: OperationArguments },
    context: RequestContext,
  ): Promise<RowWrite> => {
    authoriseCommit(context);
    await context.use.take('tick', context);
    const { principal, ticket } = context;
    const sessionId = isOfSession ? sessionOf(args.input) : '';
    const batch = buildTickBatch(catalog, {
      header: {
        sessionId,
        tick: null,
        fence: null,
        idempotencyKey: null,
        onConflict: 'ABORT_TICK',
        afterTick: null,
      },
      actions: [],
      effects: [reader.readOperation(table.name, 'compareAndSet', args.input, () => 'input')],
    });
    authoriseBatch(context, batch, catalog);
    const told = { table: table.name, columns: writtenColumns(args.input), details: { sessionId } };
    const outcome = await auditedFailure(context, 'row.compareAndSet', told, () =>
      context.engine.commit(ticket, batch),
    );
    context.report.sawPosition(outcome.lsn);
    return { outcome, row: mayRead(principal, table.name) ? outcome.row : null };
  };
}

/** Verdicts in order of actions. Made only when selected: a large tick asks for `REJECTED` alone. */
export function actionResults(
  outcome: TickOutcome,
  args: { readonly only?: Verdict | null | undefined },
): ActionResult[] {
  const { only } = args;
  const told = toldResults(outcome);
  if (only === 'REJECTED') return told.filter(({ verdict }) => verdict === only);
  const byIndex = new Map(told.map((result) => [result.index, result]));
  const results = outcome.actionIds.map(
    (actionId, index): ActionResult =>
      byIndex.get(index) ?? { index, actionId, verdict: 'ACCEPTED', conflict: null, first: null },
  );
  return only === 'ACCEPTED' ? results.filter(({ verdict }) => verdict === only) : results;
}

/** The results of the actions that were rejected here, or settled before; the others were accepted. */
export function toldResults(outcome: TickOutcome): ActionResult[] {
  // `actionIds` is not touched before it is needed: asking for it makes a string an action.
  const idOf = (action: number) => outcome.actionIds[action] ?? '';
  const rejected = outcome.conflicts.map((conflict): ActionResult => {
    const { action } = conflict;
    return { index: action, actionId: idOf(action), verdict: 'REJECTED', conflict, first: null };
  });
  if (outcome.repeats.length === 0) return rejected;
  const repeated = outcome.repeats.map(({ action, lsn, code, sameContent }): ActionResult => {
    const verdict = code === null && sameContent ? 'ACCEPTED' : 'REJECTED';
    const first = { lsn, conflict: code, sameContent };
    return { index: action, actionId: idOf(action), verdict, conflict: null, first };
  });
  return [...rejected, ...repeated].sort((a, b) => a.index - b.index);
}

export function repeatedActions(outcome: TickOutcome): number {
  return outcome.repeats.length;
}

export function committedTick(outcome: TickOutcome): number {
  if (outcome.tick === null) throw new RangeError('a tick was committed without its number');
  return outcome.tick;
}

export function outcomeConflict(outcome: TickOutcome): EffectConflict | null {
  return outcome.tickConflict;
}

export function writePosition(write: RowWrite): Lsn {
  return write.outcome.lsn;
}

export function writeApplied(write: RowWrite): boolean {
  return !write.outcome.aborted;
}

export function writeConflict(write: RowWrite): EffectConflict | null {
  return write.outcome.tickConflict;
}

export function writtenRow(write: RowWrite): Row | null {
  return write.row;
}

export function conflictKey(conflict: EffectConflict): Readonly<Record<string, unknown>> {
  return keyAsJson(conflict.key);
}

/** Names alone: what is written into them is in the title's log. */
function writtenColumns({ set }: OperationArguments): string[] {
  return Object.keys(set ?? {});
}

function sessionOf(input: OperationArguments): string {
  const sessionId = input.key?.sessionId;
  if (typeof sessionId === 'string') return sessionId;
  throw new EngineError(
    'BAD_USER_INPUT',
    'input.key.sessionId: is missing; outside a tick the key names its session',
    { details: { path: 'input.key.sessionId' } },
  );
}
