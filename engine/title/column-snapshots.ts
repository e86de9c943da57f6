import type { ColumnQueries } from '../columns/column-queries.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { Row } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { scanRefused } from '../query/scan-refused.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { FarRows } from '../views/feeds/far-rows.ts';

export interface ColumnSnapshotsParts {
  readonly catalog: Catalog;
  readonly live: StateReader;
  readonly columns: ColumnQueries;
  readonly scanRowsMax: number;
}

/**
 * First rows of subscriptions that no key or index serves, from the column store: page by page, all
 * of them as of one position. Reads of a title come one after the other, so that many subscribers
 * at once cost the store no more than one.
 */
export class ColumnSnapshots implements FarRows {
  readonly #parts: ColumnSnapshotsParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ColumnSnapshotsParts) {
    this.#parts = parts;
  }

  admit(ticket: Ticket, table: string, where: Condition | null): void {
    if (ticket.queryClass !== 'GAMEPLAY' || !this.isFar(table, where)) return;
    const { live, scanRowsMax } = this.#parts;
    throw scanRefused(table, live.adviceFor(table, where), scanRowsMax);
  }

  isFar(table: string, where: Condition | null): boolean {
    const { live, scanRowsMax } = this.#parts;
    return live.rowCount(table) > scanRowsMax && !live.isServed(table, where);
  }

  async cover(ticket: Ticket, lsn: Lsn): Promise<Lsn> {
    const { columns } = this.#parts;
    try {
      await columns.waitForCovered(ticket.within(limits.readWaitMs), lsn);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'NOT_CAUGHT_UP') throw error;
      throw new EngineError(
        'UNAVAILABLE',
        'the column store, which first rows are read from where no index serves, is behind',
        { retryAfterMs: 1_000, cause: error },
      );
    }
    return columns.coveredLsn;
  }

  read(ticket: Ticket, table: string, where: Condition | null, lsn: Lsn): Promise<Row[]> {
    const read = this.#last.then(() => this.#read(ticket, table, where, lsn));
    this.#last = read.catch(() => {});
    return read;
  }

  async #read(ticket: Ticket, table: string, where: Condition | null, lsn: Lsn): Promise<Row[]> {
    const rows: Row[] = [];
    let after: string | null = null;
    let first: number = limits.snapshotPageRows;
    for (;;) {
      const request = { table, where, orderBy: [], first, after, asOf: lsn, bounds };
      try {
        const page = await this.#parts.columns.list(ticket, request);
        for (const row of page.rows) rows.push(row);
        after = page.endCursor;
        if (!page.hasNextPage) return rows;
      } catch (error) {
        // So large are the rows: fewer of them at a time.
        if (first === 1 || !isTooLarge(error)) throw error;
        first = Math.ceil(first / 4);
      }
    }
  }
}

const bounds = {
  memoryBytesMax: limits.snapshotMemoryBytesMax,
  rowsReadMax: limits.snapshotRowsReadMax,
  threadsMax: 1,
};

function isTooLarge(error: unknown): boolean {
  const isAnswer = error instanceof EngineError && error.code === 'LIMIT_EXCEEDED';
  return isAnswer && error.details?.bytesMax !== undefined;
}
