import { asLsn, type Lsn } from '../../model/position.ts';
import { eachInTurn } from '../../time/each-in-turn.ts';
import type { KeptBacklog, KeptTable } from './kept-backlog.ts';
import type { SealedBlock } from './sealed-block.ts';
import type { Spool } from './spool.ts';
import type { TableQueue } from './table-queue.ts';

interface TableCut {
  readonly table: string;
  readonly shippedLsn: Lsn;
  readonly blocks: readonly SealedBlock[];
}

/** What ClickHouse lacked of every change set up to one position, while it goes on taking them. */
export class BacklogCut {
  readonly #spool: Spool;
  readonly #tables: readonly TableCut[];

  /** Nothing of the queues may be open: a block must not reach past the position. */
  constructor(spool: Spool, queues: readonly TableQueue[]) {
    this.#spool = spool;
    this.#tables = queues.map((queue) => ({
      table: queue.table.definition.name,
      shippedLsn: queue.shippedLsn,
      blocks: queue.sealed,
    }));
  }

  /**
   * Makes durable, a few blocks at a time, what ClickHouse lacks of it even now. What is on disk
   * already is not written again.
   */
  async keep(): Promise<KeptBacklog> {
    const all = this.#tables.flatMap(({ blocks }) => blocks);
    await eachInTurn(all, blocksInFlightMax, (block) => block.keep());
    await this.#spool.syncNames();
    return this.#tables.map(keptOf);
  }
}

const blocksInFlightMax = 4;

/** A table's blocks arrive in order: those that did meanwhile are its first. */
function keptOf({ table, shippedLsn, blocks }: TableCut): KeptTable {
  const arrived = blocks.filter((block) => block.isIn);
  return {
    table,
    afterLsn: asLsn(arrived.at(-1)?.lastLsn ?? shippedLsn),
    blocks: blocks.filter((block) => !block.isIn).map((block) => block.kept),
  };
}
