import { buffer } from 'node:stream/consumers';
import { tableFromIPC } from 'apache-arrow';
import type { ColumnStore } from '../../engine/columns/column-store.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import type { QueuedBlock } from '../../engine/columns/shipping/sealed-block.ts';
import { type ShippedTable, shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import type {
  HeldRows,
  ShippedNote,
  ShippingTarget,
  TableNote,
} from '../../engine/columns/shipping/shipping-target.ts';
import { Tailer } from '../../engine/columns/tailer.ts';
import type { Storage } from '../../engine/disk/storage.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';
import { spoolDirectoryOf } from '../../engine/title/open-engine.ts';

interface ShippedRow {
  readonly lsn: number;
  /** All its values. */
  readonly text: string;
}

/** What a ClickHouse holds of one title, whatever becomes of the process that ships to it. */
export class ClickHouseDisk {
  readonly tables = new Map<string, ShippedRow[]>();
  shippedLsn = 0;
  counts: ReadonlyMap<string, TableNote> = new Map();

  /** Every row of every table, in the order they came. */
  get content(): Record<string, string[]> {
    const tables = [...this.tables].filter(([, rows]) => rows.length > 0).sort();
    return Object.fromEntries(tables.map(([name, rows]) => [name, rows.map(({ text }) => text)]));
  }

  /** Forgets a note of a later position. */
  forgetAfter(lsn: number): void {
    if (this.shippedLsn > lsn) this.counts = new Map();
    this.shippedLsn = Math.min(this.shippedLsn, lsn);
  }

  /** Forgets what came after a position, the note included, as a backup of it does. */
  cutAfter(lsn: number): void {
    this.forgetAfter(lsn);
    for (const [name, rows] of this.tables) {
      this.tables.set(
        name,
        rows.filter((row) => row.lsn <= lsn),
      );
    }
  }
}

/** The way in, of one process; lets so many inserts through, and holds the others up to its end. */
class SlowTarget implements ShippingTarget {
  readonly files = 'sent';
  readonly #disk: ClickHouseDisk;
  #insertsLeft: number;
  #end = () => {};
  readonly #ended: Promise<void>;
  #isOver = false;

  constructor(disk: ClickHouseDisk, insertsMax: number) {
    this.#disk = disk;
    this.#insertsLeft = insertsMax;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  end(): void {
    this.#isOver = true;
    this.#end();
  }

  async readNote(): Promise<ShippedNote> {
    return { lsn: asLsn(this.#disk.shippedLsn), tables: this.#disk.counts };
  }

  async writeNote({ lsn, tables }: ShippedNote): Promise<void> {
    if (this.#isOver) throw new Error('the process is gone');
    if (lsn < this.#disk.shippedLsn) return;
    this.#disk.shippedLsn = lsn;
    this.#disk.counts = tables;
  }

  async readHeld(table: ShippedTable, from: Lsn): Promise<HeldRows> {
    const rows = this.#disk.tables.get(table.storedName) ?? [];
    const after = rows.filter(({ lsn }) => lsn > from);
    return {
      lastLsn: asLsn(Math.max(from, ...after.map(({ lsn }) => lsn))),
      rows: rows.length,
      rowsAfter: after.length,
    };
  }

  async insert(table: ShippedTable, block: QueuedBlock): Promise<void> {
    const decoded = tableFromIPC(await buffer(block.body()));
    if (this.#insertsLeft-- <= 0) await this.#ended;
    if (this.#isOver) throw new Error('the process is gone');
    const rows = Array.from(decoded, (row) => {
      const values = row?.toJSON() ?? {};
      const text = JSON.stringify(values, (_, value: unknown) =>
        typeof value === 'bigint' ? `${value}n` : value,
      );
      return { lsn: Number(values._lsn), text };
    });
    const held = this.#disk.tables.get(table.storedName) ?? [];
    this.#disk.tables.set(table.storedName, [...held, ...rows]);
  }

  async deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void> {
    if (table === null) {
      this.#disk.forgetAfter(lsn);
      return;
    }
    const rows = this.#disk.tables.get(table.storedName) ?? [];
    this.#disk.tables.set(
      table.storedName,
      rows.filter((row) => row.lsn <= lsn),
    );
  }

  async stopInsert(): Promise<void> {}

  async stopInserts(): Promise<void> {}

  async whenUp(): Promise<void> {
    if (this.#isOver) throw new Error('the process is gone');
  }
}

/** The real tailer and its spool over such a ClickHouse; answers no queries. `end` is a kill. */
export async function tailedColumns(options: {
  readonly catalog: Catalog;
  readonly disk: ClickHouseDisk;
  readonly storage: Storage;
  /** The title's. */
  readonly directory: string;
  readonly insertsMax: number;
}): Promise<{ readonly columns: ColumnStore; readonly end: () => void }> {
  const { catalog, disk, storage, directory, insertsMax } = options;
  const target = new SlowTarget(disk, insertsMax);
  const tailer = await Tailer.open({
    tables: shippedTables(catalog),
    target,
    storage,
    spoolDirectory: spoolDirectoryOf(directory),
    logger: silentLogger,
    observer: {},
  });
  if (insertsMax !== Infinity) {
    const close = tailer.close.bind(tailer);
    tailer.close = () => {
      target.end();
      return close();
    };
    // Closing would wait for it.
    tailer.waitForCovered = () => Promise.reject(new Error('it is held up'));
  }
  const columns = Object.assign(tailer, { recovered: () => {} });
  return { columns: columns as unknown as ColumnStore, end: () => target.end() };
}
