import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ticket } from '../../engine/govern/ticket.ts';
import type { Work } from '../../engine/govern/work.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { PositionWaiters } from '../../engine/state/position-waiters.ts';
import type { ViewRows } from '../../engine/views/view-engine.ts';
import type { RequestContext } from '../../resolvers/context.ts';
import { waitForApplied, waitForCovered } from '../../resolvers/fresh-reads.ts';
import { pageSizeOf } from '../../resolvers/query-bounds.ts';
import { RequestReport } from '../../resolvers/request-report.ts';
import { testTicket } from '../ticket.ts';
import { openTitleApi } from './title-api.ts';

describe('a read that demands a position', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A context over an engine, and a column store, that stand at position 5. */
  function contextAt(readAfter: Lsn | null): RequestContext {
    const waiters = new PositionWaiters();
    const wait = (ticket: Ticket, lsn: Lsn) => waiters.wait(ticket, lsn, () => asLsn(5));
    const columns = { coveredLsn: asLsn(5), waitForCovered: wait };
    const engine = { appliedLsn: asLsn(5), waitForApplied: wait, columns } as unknown as Engine;
    const context = {
      engine,
      readAfter,
      ticket: testTicket,
      report: new RequestReport('GAMEPLAY'),
    };
    return context as unknown as RequestContext;
  }

  it.each([
    ['of the rows', () => waitForApplied(contextAt(asLsn(6)))],
    ['of the column store', () => waitForCovered(contextAt(null), '0:6')],
  ])('%s waits so long for it, and no longer', async (_, read) => {
    let code = '';
    const over = read().catch((error) => {
      code = error.code;
    });
    await vi.advanceTimersByTimeAsync(limits.readWaitMs - 1);
    expect(code).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    await over;
    expect(code).toBe('NOT_CAUGHT_UP');
  });
});

function* read(rows: readonly Row[]): Work<ViewRows> {
  yield 1;
  return { lsn: asLsn(1), rows };
}

describe('a page', () => {
  it('has so many rows where nothing is said, as many as there may be, and not one more', () => {
    expect([null, undefined].map(pageSizeOf)).toEqual(Array(2).fill(limits.pageRowsDefault));
    expect(pageSizeOf(limits.pageRowsMax)).toBe(limits.pageRowsMax);
    expect(() => pageSizeOf(limits.pageRowsMax + 1)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });

  it('of a view is all of it, and is refused where that is one row too many', async () => {
    const api = await openTitleApi();
    const ask = (rows: number) => {
      const all = Array.from({ length: rows }, () => ({ sessionId: 's' }));
      vi.spyOn(api.engine.views, 'read').mockImplementation(() => read(all));
      return '{ matchPulse { rows { sessionId } } }';
    };
    const reader = api.as('liveops');
    const { matchPulse } = await reader.data(ask(limits.pageRowsMax));
    expect(matchPulse.rows).toHaveLength(limits.pageRowsMax);
    expect(await reader.refusal(ask(limits.pageRowsMax + 1))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'pageRowsMax' },
    });
  });
});
