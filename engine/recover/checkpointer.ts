import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { ColumnStore } from '../columns/column-store.ts';
import type { Storage } from '../log/storage.ts';
import { asLsn, type Lsn } from '../position.ts';
import { RowCapture } from '../state/row-capture.ts';
import { pageRowBits } from '../state/row-pages.ts';
import type { StateTable } from '../state/state-table.ts';
import type { ColumnBatch } from '../tick/column-vector.ts';
import type { Projection } from '../tick/projection.ts';
import { encodeArrow } from './arrow-file.ts';
import {
  type CheckpointFile,
  type CheckpointManifest,
  publishCheckpoint,
  removeOthers,
  writeWhole,
} from './checkpoint-manifest.ts';
import { encodeSessions, LedgerRows } from './session-file.ts';

export interface CheckpointerParts {
  readonly storage: Storage;
  readonly directory: string;
  readonly projection: Projection;
  /** The group views as of the last applied record. */
  readonly views: { checkpoint(): Uint8Array };
  readonly columns: ColumnStore;
  /** The last record of the log that survives a power failure. */
  readonly syncedLsn: () => Lsn;
  /** False: every checkpoint is written whole. */
  readonly incremental: boolean;
}

/** Ledger entries gathered between two turns of the event loop. */
const ledgerSlice = 500;
/** Ledger files before they are written anew as one. */
const ledgerFilesMax = 32;
/** How long a finished checkpoint waits for the column store before it is given up. */
const columnsWaitMs = 120_000;

type TablePart = CheckpointManifest['tables'][number];

interface TableCapture {
  readonly table: StateTable;
  readonly pages: readonly number[];
  readonly slotCount: number;
  readonly capture: RowCapture;
}

/**
 * Writes checkpoints: rows, sessions, retry answers and views as of one log position, while
 * commits go on. Only pages written since the checkpoint before are written again, a page at a
 * turn of the event loop. A checkpoint counts only once everything of it is durable and the column
 * store holds the same prefix, so recovery never has to regenerate what lies before it.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  #previous: CheckpointManifest | null;
  #running: Promise<Lsn | null> | null = null;

  /** `previous`: the checkpoint this process was loaded from. */
  constructor(parts: CheckpointerParts, previous: CheckpointManifest | null) {
    this.#parts = parts;
    this.#previous = previous;
  }

  get lastLsn(): Lsn {
    return this.#previous?.lsn ?? asLsn(0);
  }

  /**
   * Takes a checkpoint as of the last applied record, which is `lsn`. Resolves with the position
   * of the newest checkpoint, or null where the log was not synced that far (it never is in
   * durability `none`); rejects when a file cannot be written or the column store does not catch
   * up, and then the one before stays. One at a time: a second call gets the first's promise.
   */
  take(lsn: Lsn): Promise<Lsn | null> {
    this.#running ??= this.#take(lsn).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #take(lsn: Lsn): Promise<Lsn | null> {
    if (lsn <= this.lastLsn) return this.lastLsn;
    const { storage, directory, projection, views, columns } = this.#parts;
    // Everything up to the first `await` sees the same position.
    const captures = this.#capture(lsn);
    const sessions = encodeSessions(projection.sessions.values());
    const viewBytes = views.checkpoint();
    try {
      await storage.makeDirectory(directory);
      const tables: TablePart[] = [];
      for (const capture of captures) tables.push(await this.#writeTable(lsn, capture));
      const manifest: CheckpointManifest = {
        format: 1,
        lsn,
        tables,
        sessions: await this.#writeBatch(`sessions-${lsn}.arrow`, sessions),
        ledgers: await this.#writeLedgers(lsn),
        views: await this.#writeFile(`views-${lsn}.bin`, [viewBytes]),
      };
      await columns.waitForCovered(lsn, columnsWaitMs);
      // A checkpoint ahead of its log would give positions twice after a power failure.
      if (this.#parts.syncedLsn() < lsn) return null;
      await publishCheckpoint(storage, directory, manifest);
      const keep = this.#previous ? [manifest, this.#previous] : [manifest];
      this.#previous = manifest;
      await removeOthers(storage, directory, keep);
      return lsn;
    } finally {
      for (const { capture } of captures) capture.end();
    }
  }

  #capture(lsn: Lsn): TableCapture[] {
    const { incremental, projection } = this.#parts;
    return [...projection.state.tables.values()].map((table) => {
      const pages = table.pages.touchedAfter(incremental ? this.lastLsn : 0);
      const { slotCount } = table.pages;
      return { table, pages, slotCount, capture: new RowCapture(table, lsn, pages) };
    });
  }

  async #writeTable(
    lsn: Lsn,
    { table, pages, slotCount, capture }: TableCapture,
  ): Promise<TablePart> {
    const { name } = table.table;
    const before = this.#previous?.tables.find((part) => part.table === name);
    const files = new Map(before?.pages.map(({ page, file }) => [page, file]));
    for (const page of pages) {
      if (page << pageRowBits >= slotCount) continue;
      const { rows } = capture.take(page);
      files.set(page, await this.#writeBatch(`rows-${name}-${page}-${lsn}.arrow`, rows));
      await nextTurn();
    }
    return {
      table: name,
      columns: table.table.columns.map((column) => column.name),
      slotCount,
      pages: [...files].sort(([a], [b]) => a - b).map(([page, file]) => ({ page, file })),
    };
  }

  async #writeLedgers(lsn: Lsn): Promise<CheckpointFile[]> {
    const known = this.#previous?.ledgers ?? [];
    const anew = !this.#parts.incremental || known.length >= ledgerFilesMax;
    const afterLsn = anew ? 0 : this.lastLsn;
    const rows = new LedgerRows();
    for (const { sessionId, ledger } of [...this.#parts.projection.sessions.values()]) {
      for (let from = afterLsn as number; ; ) {
        const entries = ledger.entriesBetween(from, lsn, ledgerSlice);
        for (const entry of entries) rows.add(sessionId, null, entry);
        const last = entries.at(-1);
        if (!last) break;
        from = last.lsn;
        await nextTurn();
      }
      for (const [key, entry] of ledger.namedEntries()) {
        if (entry.lsn > afterLsn && entry.lsn <= lsn) rows.add(sessionId, key, entry);
      }
    }
    const batch = rows.build();
    if (batch.length === 0) return [...known];
    const file = await this.#writeBatch(`ledger-${lsn}.arrow`, batch);
    return anew ? [file] : [...known, file];
  }

  #writeBatch(name: string, batch: ColumnBatch): Promise<CheckpointFile> {
    return this.#writeFile(name, encodeArrow(batch));
  }

  async #writeFile(name: string, parts: readonly Uint8Array[]): Promise<CheckpointFile> {
    const { storage, directory } = this.#parts;
    const file = {
      name,
      bytes: parts.reduce((sum, part) => sum + part.byteLength, 0),
      crc: parts.reduce((crc, part) => crc32(part, crc), 0),
    };
    await writeWhole(storage, `${directory}/${name}`, parts);
    return file;
  }
}
