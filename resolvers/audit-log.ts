import type { Row } from '../engine/index.ts';
import { limits } from '../engine/model/limits.ts';
import { asLsn, formatPosition } from '../engine/model/position.ts';
import type { WhereInput } from '../engine/model/types.ts';
import { auditConditions } from './audit-columns.ts';
import { audited } from './audited.ts';
import { authoriseCapability } from './authorise.ts';
import { answerRows, conditionOf } from './bounded-work.ts';
import type { RequestContext } from './context.ts';
import type { ListPage } from './list-page.ts';
import { pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';

export interface AuditLogArguments {
  readonly where?: WhereInput | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/**
 * A page of what was done, the newest first: records of the audit log, and commits of the title's log
 * up to now. Reading it is recorded, too.
 */
export async function auditLog(
  _root: unknown,
  args: AuditLogArguments,
  context: RequestContext,
): Promise<ListPage<Row>> {
  authoriseCapability(context, 'audit');
  const first = pageSizeOf(args.first);
  const where = await conditionOf(context, args.where, auditConditions);
  const after = args.after ?? null;
  const request = { where, first, after, bounds: queryBoundsOf(context.ticket) };
  const read = () =>
    context.running.run(context.ticket, { field: 'auditLog', sql: null }, async (ticket) => {
      const { appliedLsn, columns } = context.engine;
      await columns.waitForCovered(ticket.within(limits.readWaitMs), appliedLsn);
      return context.auditLog.list(withinClass(ticket), request);
    });
  const page = await audited(context, 'audit.read', {}, read, ({ rows, statistics }) => ({
    rowsRead: rows.length,
    bytesRead: statistics.bytesRead,
  }));
  answerRows(context, page.rows.length);
  context.report.ranQuery(page.statistics);
  return {
    nodes: page.rows,
    hasNextPage: page.hasNextPage,
    isAfter: after !== null,
    lsn: context.engine.appliedLsn,
    cursorAt: (index) => page.cursorAt(index),
  };
}

/** The place in the title's log that a record is about. */
export function auditPosition({ lsn }: Row): string | null {
  return lsn === null || lsn === undefined ? null : formatPosition(asLsn(Number(lsn)));
}
