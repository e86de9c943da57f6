import type { SessionInfo } from '../engine/index.ts';
import { authoriseCapability, authoriseSession } from './authorise.ts';
import type { AuditEvent, RequestContext } from './context.ts';
import { waitForApplied } from './fresh-reads.ts';

export async function openSession(
  _root: unknown,
  args: {
    readonly input: { readonly sessionId: string; readonly takeOver?: boolean | null | undefined };
  },
  context: RequestContext,
): Promise<SessionInfo> {
  authoriseCapability(context, 'session');
  const { sessionId, takeOver } = args.input;
  const session = await context.engine.openSession(sessionId, takeOver ?? false);
  recordSession(context, 'session.open', session, { takeOver: takeOver ?? false });
  return session;
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
  const session = await context.engine.closeSession(sessionId, fence ?? null);
  recordSession(context, 'session.close', session, {});
  return session;
}

/** Null where no such session was ever opened. */
export async function sessionById(
  _root: unknown,
  args: { readonly sessionId: string },
  context: RequestContext,
): Promise<SessionInfo | null> {
  authoriseSession(context);
  await waitForApplied(context);
  return context.engine.session(args.sessionId);
}

function recordSession(
  context: RequestContext,
  action: AuditEvent['action'],
  session: SessionInfo,
  details: Readonly<Record<string, unknown>>,
): void {
  context.report.sawPosition(session.lsn);
  context.audit.record({
    action,
    outcome: 'done',
    subject: context.principal.subject,
    role: context.principal.role?.name ?? null,
    requestId: context.requestId,
    details: { ...details, sessionId: session.sessionId, fence: session.fence, lsn: session.lsn },
  });
}
