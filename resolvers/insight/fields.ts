import { limits } from '../../engine/model/limits.ts';
import { authoriseCapability } from '../authorise.ts';
import type { RequestContext } from '../context.ts';
import { pageSizeOf } from '../query-bounds.ts';
import type { FinishedOperation } from './finished-operation.ts';
import type { OperationOrder } from './finished-work.ts';
import { type Insight, insights } from './insights.ts';
import type { OperationStatistics } from './operation-statistics.ts';

/** What operations of the title came to since the server started, by shape. */
export function operations(
  _root: unknown,
  args: {
    readonly first?: number | null | undefined;
    readonly orderBy?: OperationOrder | null | undefined;
  },
  context: RequestContext,
): readonly OperationStatistics[] {
  authoriseCapability(context, 'explain');
  const { work } = context;
  if (work.forgotten > 0) context.report.cut('operations');
  return work.operations(args.orderBy ?? 'TOTAL_TIME', pageSizeOf(args.first));
}

/** Operations that took longer than their class allows for, the newest first. */
export function slowQueries(
  _root: unknown,
  args: { readonly first?: number | null | undefined },
  context: RequestContext,
): readonly FinishedOperation[] {
  authoriseCapability(context, 'explain');
  return context.work.slow(pageSizeOf(args.first));
}

/** What an operator should know now. */
export function currentInsights(
  _root: unknown,
  _args: unknown,
  context: RequestContext,
): readonly Insight[] {
  authoriseCapability(context, 'explain');
  const { engine, ticket, work } = context;
  const contention = engine.contention(ticket, null);
  const found = insights({ health: context.health(), contention, work });
  if (found.length >= limits.insightsMax) context.report.cut('insights');
  return found;
}
