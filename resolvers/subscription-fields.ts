import type { Lsn } from '../engine/model/position.ts';
import { audited } from './audited.ts';
import { authoriseCapability } from './authorise.ts';
import type { RequestContext } from './context.ts';
import type { LiveSubscription } from './live-subscriptions.ts';
import { pageSizeOf } from './query-bounds.ts';

/** Characters of a reason, which whoever is ended reads, and the audit log keeps. */
const endReasonCharsMax = 200;

/** Who listens to what now, the oldest first: a page of it. */
export async function liveSubscriptions(
  _root: unknown,
  args: { readonly first?: number | null | undefined; readonly after?: string | null | undefined },
  context: RequestContext,
): Promise<readonly LiveSubscription[]> {
  authoriseCapability(context, 'kill');
  const first = pageSizeOf(args.first);
  const read = async () => {
    const page: LiveSubscription[] = [];
    for (const subscription of context.subscriptions.work.list(args.after ?? null)) {
      if (page.length === first) break;
      page.push(subscription);
    }
    return page;
  };
  return audited(context, 'subscription.list', {}, read, ({ length }) => ({ rowsRead: length }));
}

/** Ends a subscription by its id; true when it ran. Whoever listened gets `QUERY_KILLED`. */
export async function endSubscription(
  _root: unknown,
  args: { readonly id: string; readonly reason?: string | null | undefined },
  context: RequestContext,
): Promise<boolean> {
  authoriseCapability(context, 'kill');
  const reason = (args.reason ?? '').slice(0, endReasonCharsMax);
  const { work } = context.subscriptions;
  const ended = await audited(
    context,
    'subscription.kill',
    { details: { subscriptionId: args.id, reason } },
    async () => work.end(args.id, reason),
    (subscription) =>
      subscription === null ? { outcome: 'failed' } : { table: subscription.source },
  );
  return ended !== null;
}

export function subscriber({ asker }: LiveSubscription): string {
  return asker.principal.subject;
}

export function subscriberRole({ asker }: LiveSubscription): string | null {
  return asker.principal.role?.name ?? null;
}

export function subscribedSession({ standing }: LiveSubscription): string | null {
  return standing.sessionId;
}

export function toldPosition({ standing }: LiveSubscription): Lsn {
  return standing.lsn;
}

export function lagTicks({ standing }: LiveSubscription): number {
  return standing.lagTicks;
}

export function lagMs({ standing }: LiveSubscription): number {
  return Math.round(standing.lagMs);
}

export function subscribedSince({ startedAtMs }: LiveSubscription): number {
  return startedAtMs;
}
