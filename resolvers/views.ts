import { createHash } from 'node:crypto';
import {
  type Condition,
  claimsOf,
  conditionText,
  type Frame,
  namedColumns,
  type SubscribeRequest,
  type Ticket,
  viewColumns,
} from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import type { Lsn } from '../engine/model/position.ts';
import type {
  ColumnDefinition,
  Row,
  TableDefinition,
  ViewDefinition,
  WhereInput,
} from '../engine/model/types.ts';
import { auditedRead, auditsReads, recordAudit } from './audited.ts';
import { authoriseTable, authoriseUse, authoriseView, bothOf, rowRuleOf } from './authorise.ts';
import { followPrincipal } from './authorised-frames.ts';
import { answerRows, conditionOf, runBounded } from './bounded-work.ts';
import type { RequestContext } from './context.ts';
import { sawApplied, waitForApplied } from './fresh-reads.ts';
import type { AskedFrames } from './live-subscriptions.ts';

export interface ViewRows {
  readonly lsn: Lsn;
  readonly rows: readonly Row[];
}

export interface ChangesArguments {
  readonly where?: WhereInput | null | undefined;
  readonly cursor?: string | null | undefined;
  readonly maxRate?: number | null | undefined;
  readonly onLag?: SubscribeRequest['onLag'] | null | undefined;
}

/** The rows of a view as of the last tick it has folded in. */
export function viewRows(view: ViewDefinition) {
  const read = async (
    _root: unknown,
    args: { readonly where?: WhereInput | null | undefined },
    context: RequestContext,
  ): Promise<ViewRows> => {
    authoriseView(context, view.name);
    const where = await conditionOf(context, args.where, columnsOfView(context, view));
    await waitForApplied(context);
    const answer = await runBounded(
      context,
      context.engine.views.read(context.ticket, view.name, where),
      'narrow the view by where, or read it in fewer fields',
    );
    sawApplied(context);
    if (answer.rows.length > limits.pageRowsMax) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `the view "${view.name}" has ${answer.rows.length} such rows, an answer ${limits.pageRowsMax} at most; narrow it by where`,
        { details: { path: 'where', limit: 'pageRowsMax', max: limits.pageRowsMax } },
      );
    }
    answerRows(context, answer.rows.length);
    context.report.readRows(answer.rows.length);
    return answer;
  };
  return auditedRead('read.view', view.name, ({ rows }) => rows.length, read);
}

export function viewRowList(answer: ViewRows): readonly Row[] {
  return answer.rows;
}

/** Frames of a view: a snapshot, then what each tick changed. */
export function viewChanges(view: ViewDefinition) {
  return async (
    _root: unknown,
    args: ChangesArguments,
    context: RequestContext,
  ): Promise<AsyncIterableIterator<Frame>> => {
    return follow(
      context,
      args,
      async (asker) => {
        authoriseView(asker, view.name);
        return conditionOf(asker, args.where, columnsOfView(asker, view));
      },
      view.name,
    );
  };
}

/** Frames of a state table's rows, of those the role may see. */
export function rowChanges(table: TableDefinition) {
  return async (
    _root: unknown,
    args: ChangesArguments,
    context: RequestContext,
  ): Promise<AsyncIterableIterator<Frame>> => {
    return follow(
      context,
      args,
      async (asker) => {
        const grant = authoriseTable(asker, table.name, 'read');
        const columns = asker.engine.catalog.columnsOf(table);
        const visible = rowRuleOf(asker, table, columns, grant);
        const asked = await conditionOf(asker, args.where, columns);
        authoriseUse(asker, table, namedColumns(asked));
        return bothOf(visible, asked);
      },
      table.name,
    );
  };
}

/** A frame is answered as the engine made it. */
export function frameItself(frame: Frame): Frame {
  return frame;
}

/** `visible`: the condition of what the principal may see of what was asked for. */
function follow(
  context: RequestContext,
  args: ChangesArguments,
  visible: (asker: RequestContext) => Promise<Condition | null>,
  source: string,
): Promise<AsyncIterableIterator<Frame>> {
  // Newer than the argument, which a client that opens its stream again sends as at first.
  const cursor = context.lastEventId ?? args.cursor ?? null;
  return context.subscriptions.follow(context, source, (asked) =>
    followPrincipal(context, cursor, async (asker, from) =>
      subscribe(asker, source, args, await visible(asker), from, asked),
    ),
  );
}

async function subscribe(
  context: RequestContext,
  source: string,
  args: ChangesArguments,
  where: Condition | null,
  cursor: string | null,
  asked: (now: AskedFrames) => void,
): Promise<AsyncIterableIterator<Frame>> {
  const maxRate = args.maxRate ?? null;
  if (maxRate !== null && !(maxRate > 0)) {
    throw new EngineError('BAD_USER_INPUT', `maxRate: must be above 0, not ${maxRate}`, {
      details: { path: 'maxRate' },
    });
  }
  if (auditsReads(context)) context.audit.admit();
  await waitForApplied(context);
  const frames = context.engine.views.subscribe(context.ticket, source, {
    where,
    cursor,
    maxRate,
    onLag: args.onLag ?? 'COALESCE',
  });
  asked({
    asker: context,
    frames,
    claims: claimsRead(context, source),
    whereFingerprint: where === null ? null : fingerprintOf(where),
  });
  const shown = untilLeft(frames, context.ticket);
  return auditsReads(context) ? auditedFrames(shown, context, source) : shown;
}

/** Records that a subscription began and, with what it was sent, that it ended. */
function auditedFrames(
  frames: AsyncIterableIterator<Frame>,
  context: RequestContext,
  table: string,
): AsyncIterableIterator<Frame> {
  const told = { table };
  recordAudit(context, 'subscription.begin', 'done', { ...told, lsn: context.engine.appliedLsn });
  let frameCount = 0;
  let rowsRead = 0;
  let hasEnded = false;
  const end = (error?: unknown) => {
    if (hasEnded) return;
    hasEnded = true;
    const isFault = error !== undefined;
    const code = error instanceof EngineError ? error.code : isFault ? 'INTERNAL' : null;
    const details = { frames: frameCount };
    const ended = { ...told, code, rowsRead, lsn: context.engine.appliedLsn, details };
    recordAudit(context, 'subscription.end', isFault ? 'failed' : 'done', ended);
  };
  context.ticket.departure.whenLeft(() => end());
  return {
    async next() {
      try {
        const step = await frames.next();
        if (step.done) end();
        else {
          frameCount += 1;
          rowsRead += step.value.rows.length;
        }
        return step;
      } catch (error) {
        end(error);
        throw error;
      }
    },
    async return() {
      end();
      return (await frames.return?.()) ?? { done: true, value: undefined };
    },
    async throw(error: unknown) {
      end(error);
      await frames.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Ends the frames when the request does. Not a generator: a generator's `return` waits for its
 * pending `next`, which here may be seconds away.
 */
function untilLeft(
  frames: AsyncIterableIterator<Frame>,
  { departure }: Ticket,
): AsyncIterableIterator<Frame> {
  const end = async (): Promise<IteratorResult<Frame>> => {
    stay();
    await frames.return?.();
    return { done: true, value: undefined };
  };
  const stay = departure.whenLeft(() => void end());
  return {
    next: () => frames.next(),
    return: end,
    throw: async (error: unknown) => {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The claims that decide which rows of a table its role sees. */
function claimsRead({ principal }: RequestContext, table: string): readonly string[] {
  const grant = principal.role?.tables.find((each) => each.table === table);
  return grant?.rowFilter ? claimsOf(grant.rowFilter) : [];
}

/** Tells conditions apart without telling their values. */
function fingerprintOf(where: Condition): string {
  return createHash('sha256').update(conditionText(where)).digest('hex').slice(0, 32);
}

function columnsOfView(
  context: RequestContext,
  view: ViewDefinition,
): ReadonlyMap<string, ColumnDefinition> {
  const { key, values } = viewColumns(context.engine.catalog.manifest, view);
  return new Map([...key, ...values].map((column) => [column.name, column]));
}
