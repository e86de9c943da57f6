import type { ColumnFollower } from '../columns/column-follower.ts';
import { checksum } from '../disk/checksum.ts';
import type { Storage } from '../disk/storage.ts';
import { writeDurably } from '../disk/whole-file.ts';
import type { CommitLog } from '../log/commit-log.ts';
import { asLsn, type Lsn } from '../model/position.ts';
import { RowCapture } from '../state/row-capture.ts';
import { pageRowBits } from '../state/row-pages.ts';
import { SessionCapture } from '../state/session-capture.ts';
import type { StateTable } from '../state/state-table.ts';
import type { Projection } from '../tick/projection.ts';
import { eachInTurn } from '../time/each-in-turn.ts';
import { encodeArrow } from '../vectors/arrow/arrow-file.ts';
import { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import type { ViewsCapture } from '../views/checkpoint/view-checkpoint.ts';
import type { OwnedViewEngine } from '../views/open-views.ts';
import { publishCheckpoint, removeOthers } from './checkpoint-directory.ts';
import type { CheckpointFile, CheckpointManifest, VerdictFiles } from './checkpoint-manifest.ts';
import { gatherSessions } from './gather-sessions.ts';
import { captureVerdicts, verdictFilesOf, verdictPieces } from './verdict-files.ts';
import { heldViews, viewFilesOf, viewPieces } from './view-files.ts';

export interface CheckpointerParts {
  readonly storage: Storage;
  readonly directory: string;
  readonly projection: Projection;
  /** The group views as of the last applied record. */
  readonly views: Pick<OwnedViewEngine, 'checkpoint'>;
  readonly columns: ColumnFollower;
  readonly log: Pick<CommitLog, 'syncTo'>;
  /** False: every checkpoint is written whole. */
  readonly incremental: boolean;
}

/** Ledger files before they are written anew as one. */
const ledgerFilesMax = 32;
/** Files on their way to disk; a page is about a megabyte. */
const filesInFlightMax = 24;
/** Their memories that are kept for the next checkpoint. */
const sparesMax = 8;
const pieceBytesInitial = 64 * 1024;

type TablePart = CheckpointManifest['tables'][number];
type SessionFiles = Pick<CheckpointManifest, 'sessions' | 'forgotten' | 'ledgers'>;

/** A file to be written; its content is made when its turn comes, in `memory` if it needs some. */
interface Piece {
  readonly name: string;
  content(memory: ColumnMemory): readonly Uint8Array[];
}

/** The files that were written, by name. */
type Written = ReadonlyMap<string, CheckpointFile>;

interface TableCapture {
  readonly table: StateTable;
  readonly pages: readonly number[];
  readonly slotCount: number;
  readonly capture: RowCapture;
}

/**
 * Writes checkpoints: rows, sessions, retry answers and views as of one log position, while
 * commits go on. Only pages of rows and chunks of views that changed since the checkpoint before
 * are written again, a few at a turn of the event loop. A checkpoint does not wait for the column
 * store: what that lacks of its prefix is kept beside it, so recovery never has to regenerate what
 * lies before it.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  /** The published checkpoints, newest first. */
  #published: readonly CheckpointManifest[];
  #running: Promise<Lsn> | null = null;
  #abandoned = false;
  /**
   * Memory in which pages were gathered, for the pages to come: new memory for each would make V8
   * collect everything meanwhile.
   */
  readonly #spares: ColumnMemory[] = [];
  /** The most bytes of such memory that one page has taken: new memory has as many. */
  #pieceBytes = pieceBytesInitial;

  /** `published`: the checkpoint this process was loaded from, then older ones. */
  constructor(parts: CheckpointerParts, published: readonly CheckpointManifest[]) {
    this.#parts = parts;
    this.#published = published;
  }

  /** The checkpoints that are kept, newest first. */
  get published(): readonly CheckpointManifest[] {
    return this.#published;
  }

  get lastLsn(): Lsn {
    return this.#previous?.lsn ?? asLsn(0);
  }

  get #previous(): CheckpointManifest | null {
    return this.#published[0] ?? null;
  }

  get #heldVerdicts(): VerdictFiles | null {
    return this.#parts.incremental ? (this.#previous?.firstVerdicts ?? null) : null;
  }

  /**
   * Takes a checkpoint as of the last applied record, which is `lsn`. Resolves with the position
   * of the newest checkpoint; rejects when a file cannot be written, or the log not be synced that
   * far, and then the one before stays. One at a time: a second call gets the first's promise.
   */
  checkpoint(lsn: Lsn): Promise<Lsn> {
    this.#running ??= this.#write(lsn).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** From now on nothing is published, what is under way included: it may hold what is broken. */
  abandon(): void {
    this.#abandoned = true;
  }

  async #write(lsn: Lsn): Promise<Lsn> {
    if (lsn <= this.lastLsn) return this.lastLsn;
    const { storage, directory, columns, projection } = this.#parts;
    const verdictsBefore = this.#heldVerdicts;
    // Everything up to the first `await` sees the same position.
    const captures = this.#capture(lsn);
    const sessions = this.#captureSessions(lsn);
    const verdicts = captureVerdicts(projection.firstVerdicts, lsn);
    const views = this.#captureViews();
    const rulings = projection.rulings.state();
    const backlog = columns.cutBacklog();
    try {
      await storage.makeDirectory(directory);
      const written = await this.#writeAll([
        ...captures.flatMap((capture) => pagesOf(lsn, capture)),
        ...verdictPieces(verdicts, verdictsBefore),
        ...viewPieces(views),
      ]);
      const manifest: CheckpointManifest = {
        format: 5,
        lsn,
        tables: captures.map((capture) => this.#tablePart(lsn, capture, written)),
        ...(await this.#writeSessions(sessions)),
        firstVerdicts: verdictFilesOf(verdicts, (name) => fileOf(written, name), verdictsBefore),
        views: viewFilesOf(views, (name) => fileOf(written, name), this.#previous),
        ...(rulings === null ? {} : { rulings }),
        // Last, since most of it is in the column store by now.
        backlog: await backlog.keep(),
      };
      if (this.#abandoned) throw new Error('the state it was taken from is not what the log says');
      // A checkpoint ahead of its log would give positions twice after a power failure.
      await this.#parts.log.syncTo(lsn);
      await publishCheckpoint(storage, directory, manifest);
      this.#published = this.#keptWith(manifest);
      await removeOthers(storage, directory, this.#published);
      return lsn;
    } finally {
      for (const { capture } of captures) capture.end();
      sessions.end();
    }
  }

  /**
   * The new one, the one before, and the newest that the column store is past: recovery can begin
   * there even when what is kept of the backlog, which the others may share, is damaged.
   */
  #keptWith(manifest: CheckpointManifest): CheckpointManifest[] {
    const all = [manifest, ...this.#published];
    const past = all.find(({ lsn }) => lsn < this.#parts.columns.neededFromLsn);
    return all.filter((one, i) => i < 2 || one === past);
  }

  #capture(lsn: Lsn): TableCapture[] {
    const { incremental, projection } = this.#parts;
    return [...projection.state.tables.values()].map((table) => {
      const pages = table.pages.touchedAfter(incremental ? this.lastLsn : 0);
      const { slotCount } = table.pages;
      const used = pages.filter((page) => page << pageRowBits < slotCount);
      return { table, pages: used, slotCount, capture: new RowCapture(table, lsn, used) };
    });
  }

  #captureViews(): ViewsCapture {
    const { incremental, views } = this.#parts;
    return views.checkpoint(incremental ? heldViews(this.#previous) : null);
  }

  #tablePart(lsn: Lsn, { table, pages, slotCount }: TableCapture, written: Written): TablePart {
    const { name } = table.table;
    const before = this.#previous?.tables.find((part) => part.table === name);
    const files = new Map(before?.pages.map(({ page, file }) => [page, file]));
    for (const page of pages) files.set(page, fileOf(written, pageName(name, page, lsn)));
    return {
      table: name,
      columns: table.table.columns.map((column) => column.name),
      slotCount,
      pages: [...files].sort(([a], [b]) => a - b).map(([page, file]) => ({ page, file })),
    };
  }

  async #writeSessions(capture: SessionCapture): Promise<SessionFiles> {
    const { afterLsn, lsn } = capture.range;
    const { sessions, answers, forgotten } = await gatherSessions(capture);
    const names = { sessions: `sessions-${lsn}.arrow`, ledger: `ledger-${lsn}.arrow` };
    const forgottenName = `forgotten-${lsn}.arrow`;
    const written = await this.#writeAll([
      { name: names.sessions, content: () => encodeArrow(sessions) },
      ...pieceOf(names.ledger, answers),
      ...pieceOf(forgottenName, forgotten),
    ]);
    const ledger = written.get(names.ledger);
    const known = afterLsn === 0 ? [] : (this.#previous?.ledgers ?? []);
    return {
      sessions: fileOf(written, names.sessions),
      ...(written.has(forgottenName) ? { forgotten: fileOf(written, forgottenName) } : {}),
      ledgers: ledger ? [...known, ledger] : known,
    };
  }

  /** Captures the sessions, and of their answers those that no ledger file has. */
  #captureSessions(lsn: Lsn): SessionCapture {
    const { incremental, projection } = this.#parts;
    const files = this.#previous?.ledgers.length ?? 0;
    const isAnew = !incremental || files >= ledgerFilesMax;
    return new SessionCapture(projection, { afterLsn: isAnew ? 0 : this.lastLsn, lsn });
  }

  async #writeAll(pieces: readonly Piece[]): Promise<Written> {
    const { storage, directory } = this.#parts;
    const written = new Map<string, CheckpointFile>();
    await eachInTurn(pieces, filesInFlightMax, async ({ name, content }) => {
      const memory = this.#spares.pop() ?? new ColumnMemory(this.#pieceBytes);
      const parts = content(memory);
      const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
      const crc = await checksum(parts);
      await writeDurably(storage, `${directory}/${name}`, parts);
      written.set(name, { name, bytes, crc });
      this.#pieceBytes = Math.max(this.#pieceBytes, memory.usedBytes);
      memory.reset();
      this.#spares.push(memory);
    });
    this.#spares.length = Math.min(this.#spares.length, sparesMax);
    return written;
  }
}

function pagesOf(lsn: Lsn, { table, pages, capture }: TableCapture): Piece[] {
  return pages.map((page) => ({
    name: pageName(table.table.name, page, lsn),
    content: (memory) => encodeArrow(capture.gather(page, memory).rows),
  }));
}

/** Nothing for an empty batch. */
function pieceOf(name: string, batch: ColumnBatch): Piece[] {
  return batch.length === 0 ? [] : [{ name, content: () => encodeArrow(batch) }];
}

function pageName(table: string, page: number, lsn: Lsn): string {
  return `rows-${table}-${page}-${lsn}.arrow`;
}

function fileOf(written: Written, name: string): CheckpointFile {
  const file = written.get(name);
  if (!file) throw new RangeError(`${name} was not written`);
  return file;
}
