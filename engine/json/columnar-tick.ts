import type { TickBatch } from '../tick/tick-batch.ts';

/**
 * A tick whose rows have become columns already. It travels through GraphQL as the value of the
 * variable that the rows stood in: a resolver that gets one has nothing left to read. No request can
 * bring one, for JSON makes no instances.
 */
export class ColumnarTick {
  readonly batch: TickBatch;

  constructor(batch: TickBatch) {
    this.batch = batch;
  }

  /** The tables it writes, in the order in which they come; for authorisation. */
  tables(actionTable: string): Set<string> {
    const tables = new Set(this.batch.streams.map((stream) => stream.table.name));
    if (this.batch.actions.length > 0) tables.add(actionTable);
    return tables;
  }
}
