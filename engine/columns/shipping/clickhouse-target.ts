import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../errors.ts';
import { asLsn, type Lsn, lsnZero } from '../../position.ts';
import type { ColumnClient } from '../client.ts';
import { quoteName, quoteText } from '../queries/sql-text.ts';
import { deleteAfterStatement, shippedTable as positionTable } from '../schema-sql.ts';
import type { ShippingTarget } from '../tailer.ts';
import type { QueuedBlock } from './sealed-block.ts';
import type { ShippedTable } from './shipped-table.ts';
import { lsnColumn } from './system-vectors.ts';

/** The tailer's way into one title's database. */
export class ClickHouseTarget implements ShippingTarget {
  readonly #client: ColumnClient;
  readonly #database: string;
  readonly #whenUp: () => Promise<void>;
  readonly files: 'taken' | 'sent';

  /** `files`: whether ClickHouse reads the spool's files itself, or they are sent to it. */
  constructor(
    client: ColumnClient,
    database: string,
    files: 'taken' | 'sent',
    whenUp: () => Promise<void>,
  ) {
    this.files = files;
    this.#client = client;
    this.#database = database;
    this.#whenUp = whenUp;
  }

  async readShipped(): Promise<Lsn> {
    return this.#readLsn(
      `SELECT max(${quoteName(lsnColumn)}) FROM ${quoteName(this.#database)}.${quoteName(positionTable)}`,
    );
  }

  async noteShipped(lsn: Lsn): Promise<void> {
    await this.#client.command(
      `INSERT INTO ${quoteName(this.#database)}.${quoteName(positionTable)} SELECT 0, ${lsn}`,
    );
  }

  /** Reads the granules past `from` only, by the index on the LSN. */
  async readLastLsn(table: ShippedTable, from: Lsn): Promise<Lsn> {
    const lsn = quoteName(lsnColumn);
    const last = await this.#readLsn(
      `SELECT max(${lsn}) FROM ${quoteName(this.#database)}.${quoteName(table.storedName)} WHERE ${lsn} > ${from}`,
    );
    return last > from ? last : from;
  }

  async insert(table: ShippedTable, block: QueuedBlock, queryId: string): Promise<void> {
    const columns = block.columns.map(quoteName).join(', ');
    const into = `INSERT INTO ${quoteName(this.#database)}.${quoteName(table.storedName)} (${columns})`;
    const path = this.files === 'taken' ? block.path : null;
    const from = path === null ? '' : ` FROM INFILE ${quoteText(resolve(path))}`;
    const body = path === null ? () => block.body() : null;
    await this.#client.insert(`${into}${from} FORMAT ArrowStream`, queryId, body, oneAtom);
  }

  async stopInsert(queryId: string): Promise<void> {
    await this.#client.killOnServer(queryId);
    const deadline = Date.now() + stopMsMax;
    while (await this.#isRunning(queryId)) {
      if (Date.now() > deadline) {
        throw new EngineError('UNAVAILABLE', 'an insert does not end; it may yet be in or not');
      }
      await sleep(20);
    }
  }

  async #isRunning(queryId: string): Promise<boolean> {
    const { rows } = await this.#client.query({
      sql: `SELECT count() FROM system.processes WHERE query_id = {id:String} OR Settings['log_comment'] = {id:String}`,
      author: 'engine',
      housekeeping: true,
      parameters: { id: queryId },
    });
    return Number(rows[0]?.[0]) > 0;
  }

  async deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void> {
    const name = table?.storedName ?? positionTable;
    await this.#client.command(deleteAfterStatement(this.#database, name, lsn));
  }

  whenUp(): Promise<void> {
    return this.#whenUp();
  }

  async #readLsn(sql: string): Promise<Lsn> {
    const { rows } = await this.#client.query({ sql, author: 'engine', housekeeping: true });
    return asLsn(Number(rows[0]?.[0] ?? lsnZero));
  }
}

const stopMsMax = 10_000;

/** However many rows come, they are gathered into one block and written as one part. */
const oneAtom = {
  min_insert_block_size_rows: 1_000_000_000,
  min_insert_block_size_bytes: 0,
  max_insert_block_size: 1_000_000_000,
  max_insert_threads: 1,
  max_threads: 1,
  max_partitions_per_insert_block: 1,
  async_insert: 0,
  input_format_parallel_parsing: 0,
};
