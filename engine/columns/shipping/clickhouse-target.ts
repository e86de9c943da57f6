import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../model/errors.ts';
import { asLsn, type Lsn, lsnZero } from '../../model/position.ts';
import type { ColumnClient } from '../client.ts';
import type { HandedFile } from '../host-isolation.ts';
import { quoteName, quoteText } from '../queries/sql-text.ts';
import { deleteAfterStatement, shippedTable as noteTable } from '../schema-sql.ts';
import type { QueuedBlock } from './sealed-block.ts';
import type { ShippedTable } from './shipped-table.ts';
import type { HeldRows, ShippedNote, ShippingTarget, TableNote } from './shipping-target.ts';
import { lsnColumn } from './system-vectors.ts';

export interface ClickHouseTargetParts {
  readonly client: ColumnClient;
  readonly database: string;
  /** Lets ClickHouse read a file of the spool itself, where it can; null: files are sent to it. */
  readonly handOver: ((path: string) => Promise<HandedFile | null>) | null;
  readonly whenUp: () => Promise<void>;
}

/** The tailer's way into one title's database. */
export class ClickHouseTarget implements ShippingTarget {
  readonly #client: ColumnClient;
  readonly #database: string;
  readonly #handOver: ClickHouseTargetParts['handOver'];
  readonly #whenUp: () => Promise<void>;

  constructor(parts: ClickHouseTargetParts) {
    this.#client = parts.client;
    this.#database = parts.database;
    this.#handOver = parts.handOver;
    this.#whenUp = parts.whenUp;
  }

  get files(): 'taken' | 'sent' {
    return this.#handOver === null ? 'sent' : 'taken';
  }

  async readNote(): Promise<ShippedNote> {
    const [row] = await this.#rows(
      `SELECT ${lsnName}, mapKeys(tables), tupleElement(mapValues(tables), 'lsn'), tupleElement(mapValues(tables), 'rows') FROM ${this.#nameOf(noteTable)} FINAL`,
    );
    if (!row) return { lsn: lsnZero, tables: new Map() };
    const [noted, names, lsns, counts] = row as [unknown, string[], unknown[], unknown[]];
    const tables = names.map((name, i): [string, TableNote] => [
      name,
      { lsn: asLsn(Number(lsns[i])), rows: Number(counts[i]) },
    ]);
    return { lsn: asLsn(Number(noted)), tables: new Map(tables) };
  }

  async writeNote(note: ShippedNote): Promise<void> {
    const tables = [...note.tables].map(
      ([name, { lsn, rows }]) => `${quoteText(name)}, (${lsn}, ${rows})`,
    );
    await this.#client.command(
      `INSERT INTO ${this.#nameOf(noteTable)} (shard, ${lsnName}, tables) SELECT 0, ${note.lsn}, map(${tables.join(', ')})`,
    );
  }

  /** Reads the granules past `from` only, by the index on the LSN; ClickHouse knows the count of all. */
  async readHeld(table: ShippedTable, from: Lsn): Promise<HeldRows> {
    const name = this.#nameOf(table.storedName);
    const [row] = await this.#rows(
      `SELECT (SELECT count() FROM ${name}), count(), max(${lsnName}) FROM ${name} WHERE ${lsnName} > ${from}`,
    );
    const [rows, rowsAfter, last] = (row ?? []).map(Number) as [number, number, number];
    return { rows, rowsAfter, lastLsn: rowsAfter > 0 ? asLsn(last) : from };
  }

  async insert(table: ShippedTable, block: QueuedBlock, queryId: string): Promise<void> {
    const columns = block.columns.map(quoteName).join(', ');
    const into = `INSERT INTO ${this.#nameOf(table.storedName)} (${columns})`;
    const file = block.path === null ? null : ((await this.#handOver?.(block.path)) ?? null);
    const from = file === null ? '' : ` FROM INFILE ${quoteText(file.path)}`;
    const body = file === null ? () => block.body() : null;
    const id = `${this.#insertIdStart}${queryId}`;
    try {
      await this.#client.insert(`${into}${from} FORMAT ArrowStream`, id, body, oneAtom);
    } finally {
      await file?.takeBack();
    }
  }

  stopInsert(queryId: string): Promise<void> {
    return this.#stop(`${this.#insertIdStart}${queryId}`);
  }

  stopInserts(): Promise<void> {
    return this.#stop(this.#insertIdStart);
  }

  async #stop(idStart: string): Promise<void> {
    const deadline = Date.now() + stopMsMax;
    while (await this.#isRunning(idStart)) {
      await this.#client.killOnServerAll(idStart);
      if (Date.now() > deadline) {
        throw new EngineError('UNAVAILABLE', 'an insert does not end; it may yet be in or not');
      }
      await sleep(20);
    }
  }

  async #isRunning(idStart: string): Promise<boolean> {
    const { rows } = await this.#client.query({
      sql: `SELECT count() FROM system.processes WHERE startsWith(query_id, {id:String}) OR startsWith(Settings['log_comment'], {id:String})`,
      author: 'engine',
      housekeeping: true,
      parameters: { id: idStart },
    });
    return Number(rows[0]?.[0]) > 0;
  }

  async deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void> {
    const name = table?.storedName ?? noteTable;
    await this.#client.command(deleteAfterStatement(this.#database, name, lsn));
  }

  whenUp(): Promise<void> {
    return this.#whenUp();
  }

  /** How the ids of this title's inserts begin in every process: no database's name has a colon. */
  get #insertIdStart(): string {
    return `${this.#database}:`;
  }

  #nameOf(table: string): string {
    return `${quoteName(this.#database)}.${quoteName(table)}`;
  }

  async #rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await this.#client.query({ sql, author: 'engine', housekeeping: true });
    return rows;
  }
}

const lsnName = quoteName(lsnColumn);
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
