import {
  type AppendGuard,
  type OrderBy,
  type SessionInfo,
  sessionColumns,
} from '../engine/index.ts';
import type { WhereInput } from '../engine/model/types.ts';
import { audited } from './audited.ts';
import { appendGuard, authoriseCapability, authoriseSession } from './authorise.ts';
import { answerRows, conditionOf, runBounded } from './bounded-work.ts';
import type { RequestContext } from './context.ts';
import { waitForApplied } from './fresh-reads.ts';
import type { ListPage } from './list-page.ts';
import { orderOf, pageSizeOf } from './query-bounds.ts';

export async function openSession(
  _root: unknown,
  args: {
    readonly input: { readonly sessionId: string; readonly takeOver?: boolean | null | undefined };
  },
  context: RequestContext,
): Promise<SessionInfo> {
  authoriseCapability(context, 'session');
  const { sessionId, takeOver } = args.input;
  const details = { sessionId, takeOver: takeOver ?? false };
  return changeSession(context, 'session.open', details, () =>
    context.engine.openSession(context.ticket, sessionId, takeOver ?? false, sessionGuard(context)),
  );
}

export async function closeSession(
  _root: unknown,
  args: {
    readonly input: { readonly sessionId: string; readonly fence?: number | null | undefined };
  },
  context: RequestContext,
): Promise<SessionInfo> {
  authoriseCapability(context, 'session');
  const { sessionId, fence } = args.input;
  return changeSession(context, 'session.close', { sessionId }, () =>
    context.engine.closeSession(context.ticket, sessionId, fence ?? null, sessionGuard(context)),
  );
}

/** The session of an id; null where no such session was ever opened. */
export async function sessionById(
  _root: unknown,
  args: { readonly sessionId: string },
  context: RequestContext,
): Promise<SessionInfo | null> {
  authoriseSession(context);
  await waitForApplied(context);
  return context.engine.session(context.ticket, args.sessionId);
}

export interface SessionListArguments {
  readonly where?: WhereInput | null | undefined;
  readonly orderBy?: readonly OrderBy[] | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** The columns of sessions that conditions may name. */
export const sessionConditions = new Map(
  sessionColumns
    .filter(({ name }) => name !== 'position')
    .map((column) => [column.name, column] as const),
);

/** A page of the sessions there are, closed ones among them. */
export async function sessionList(
  _root: unknown,
  args: SessionListArguments,
  context: RequestContext,
): Promise<ListPage<SessionInfo>> {
  authoriseSession(context);
  const orderBy = orderOf(args.orderBy);
  const first = pageSizeOf(args.first);
  const where = await conditionOf(context, args.where, sessionConditions);
  const lsn = await waitForApplied(context);
  const after = args.after ?? null;
  const work = context.engine.listSessions(context.ticket, { where, orderBy, first, after });
  const page = await runBounded(context, work, 'narrow the sessions by where');
  answerRows(context, page.sessions.length);
  context.report.readRows(page.sessions.length);
  const { sessions: nodes, hasNextPage } = page;
  return { nodes, hasNextPage, isAfter: after !== null, lsn, cursorAt: page.cursorAt };
}

function sessionGuard(context: RequestContext): AppendGuard {
  return appendGuard(context, context.engine.access, (asker) => {
    authoriseCapability(asker, 'session');
  });
}

async function changeSession(
  context: RequestContext,
  action: 'session.open' | 'session.close',
  details: Readonly<Record<string, unknown>>,
  change: () => Promise<SessionInfo>,
): Promise<SessionInfo> {
  const session = await audited(context, action, { details }, change, ({ lsn, fence }) => ({
    lsn,
    details: { fence },
  }));
  context.report.sawPosition(session.lsn);
  return session;
}
