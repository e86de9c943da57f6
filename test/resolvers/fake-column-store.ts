import type { SeenTables } from '../../engine/access/seen-tables.ts';
import type {
  ColumnListRequest,
  ExportRequest,
  Group,
  GroupsRequest,
  QueryBounds,
  QueryStatistics,
} from '../../engine/columns/column-queries.ts';
import type { ColumnStore } from '../../engine/columns/column-store.ts';
import type { Ticket } from '../../engine/govern/ticket.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn, type Lsn, lsnZero } from '../../engine/model/position.ts';
import type { Row, Value } from '../../engine/model/types.ts';

const statistics: QueryStatistics = {
  queryId: 'q1',
  elapsedMs: 1,
  rowsRead: 10,
  bytesRead: 100,
  memoryPeakBytes: 1000,
};

/** What a query may use, the time of its ticket among it. */
type AskedBounds = QueryBounds & { readonly timeoutMs: number | undefined };
type Asked<Request> = Omit<Request, 'bounds'> & { readonly bounds: AskedBounds };

function asked({ deadline }: Ticket, bounds: QueryBounds): AskedBounds {
  return { ...bounds, timeoutMs: deadline?.givenMs };
}

/** A column store that remembers what it is asked and answers what the test has laid out. */
export class FakeColumnStore implements ColumnStore {
  readonly lists: Asked<ColumnListRequest>[] = [];
  readonly grouped: Asked<GroupsRequest>[] = [];
  readonly queries: {
    query: string;
    parameters: Readonly<Record<string, Value>>;
    first: number;
    bounds: AskedBounds;
    seen: SeenTables;
  }[] = [];
  readonly awaited: Lsn[] = [];
  readonly killed: string[] = [];
  rows: readonly Row[] = [];
  groupsAnswer: readonly Group[] = [];
  /** When set, `sql` runs until its signal aborts. */
  hangs: (() => void) | null = null;
  coveredLsn: Lsn = lsnZero;
  readonly makesPseudonyms = true;
  readonly neededFromLsn: Lsn = asLsn(1);
  readonly heldLsn: Lsn = lsnZero;
  outOfRoom: EngineError | null = null;

  async rewind(): Promise<void> {}

  async resume(lsn: Lsn): Promise<string | null> {
    return lsn === lsnZero ? null : 'it keeps nothing';
  }

  cutBacklog() {
    return { keep: async () => [] };
  }

  offer(): void {}
  advance(): void {}
  recovered(): void {}

  async waitForCovered(_ticket: Ticket, lsn: Lsn): Promise<void> {
    this.awaited.push(lsn);
    if (lsn > 1000) throw new EngineError('NOT_CAUGHT_UP', 'not yet', { retryAfterMs: 100 });
    this.coveredLsn = lsn;
  }

  async positionAt(): Promise<Lsn> {
    return this.coveredLsn;
  }

  async positionOfTick(): Promise<Lsn | null> {
    return null;
  }

  async list(ticket: Ticket, request: ColumnListRequest) {
    this.lists.push({ ...request, bounds: asked(ticket, request.bounds) });
    return {
      rows: this.rows,
      endCursor: this.rows.length === 0 ? null : `c${this.rows.length - 1}`,
      hasNextPage: false,
      rowsRead: 10,
      cursorAt: (index: number) => `c${index}`,
      coveredLsn: this.coveredLsn,
      statistics,
    };
  }

  async groups(ticket: Ticket, request: GroupsRequest) {
    this.grouped.push({ ...request, bounds: asked(ticket, request.bounds) });
    const groups = this.groupsAnswer.slice(0, request.first);
    const truncated = groups.length < this.groupsAnswer.length;
    const cursorAt = (index: number) => `g${index}`;
    return { groups, truncated, cursorAt, coveredLsn: this.coveredLsn, statistics };
  }

  async checkSql(): Promise<void> {}

  async sql(
    ticket: Ticket,
    query: string,
    parameters: Readonly<Record<string, Value>>,
    first: number,
    bounds: QueryBounds,
    seen: SeenTables,
  ) {
    this.queries.push({ query, parameters, first, bounds: asked(ticket, bounds), seen });
    if (this.hangs) {
      const aborted = new Promise<never>((_, reject) => {
        ticket.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      this.hangs();
      await aborted;
    }
    return {
      columns: [
        { name: 'n', type: 'UInt64' },
        { name: 'name', type: 'String' },
      ],
      rows: [['18446744073709551615', 'x']],
      truncated: false,
      coveredLsn: this.coveredLsn,
      statistics,
    };
  }

  async export(_ticket: Ticket, _request: ExportRequest): Promise<AsyncIterable<Uint8Array>> {
    throw new Error('exports are the registry’s');
  }

  async running() {
    return [];
  }

  async kill(_ticket: Ticket, queryId: string): Promise<boolean> {
    this.killed.push(queryId);
    return queryId === 'in-store';
  }

  async close(): Promise<void> {}
}
