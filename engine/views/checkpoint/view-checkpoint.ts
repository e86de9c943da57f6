import { createHash } from 'node:crypto';
import type { Lsn } from '../../model/position.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { GroupView } from '../operators/group-view.ts';
import type { TableSource } from '../sources/table-source.ts';
import type { CapturedChunk, CheckpointPart } from './checkpoint-part.ts';

/** Rows of a chunk: of 24 bytes each, as groups usually are, that is less than a megabyte. */
export const chunkRowBits = 15;

/**
 * Everything the group views of actions and events hold, as of one position: parts, each rows in
 * columns, cut into chunks of so many rows. Top views follow from the group views.
 */
export interface ViewsCapture {
  readonly lsn: Lsn;
  /** The digest of the views' definitions: tells whether a checkpoint is one of these views. */
  readonly definitions: string;
  /** When each group view of actions and events was last changed by a commit, in their order. */
  readonly stamps: readonly number[];
  /**
   * When the newest change of each view of live rows was committed. Nothing else is captured of
   * these views: they follow from the live rows.
   */
  readonly rowStamps: readonly ViewStamp[];
  readonly chunkRows: number;
  readonly parts: readonly {
    readonly part: string;
    readonly rows: number;
    /** Null: as the checkpoint before has it. */
    readonly chunks: readonly (CapturedChunk | null)[];
  }[];
}

/** When the newest change of a view was committed. */
export interface ViewStamp {
  readonly name: string;
  readonly stamp: number;
}

/** What a checkpoint holds of these very views at an earlier position. */
export interface HeldViews {
  readonly lsn: Lsn;
  readonly chunkRows: number;
  /** How many rows each part has, by its name. */
  readonly rows: ReadonlyMap<string, number>;
}

/** A checkpoint's views, to be loaded. */
export interface StoredViews {
  readonly lsn: Lsn;
  readonly definitions: string;
  readonly stamps: readonly number[];
  readonly rowStamps: readonly ViewStamp[];
  /** A part's rows as vectors of its columns, in pieces in order; none where it has no rows. */
  pieces(part: string, columns: readonly ColumnDefinition[]): readonly (readonly ColumnVector[])[];
}

/** In one turn of the event loop, and only what must be: chunks become columns later. */
export function captureViews(
  lsn: Lsn,
  parts: readonly CheckpointPart[],
  views: readonly GroupView[],
  rowViews: readonly GroupView[],
  rowBits: number,
  before: HeldViews | null,
): ViewsCapture {
  const chunkRows = 2 ** rowBits;
  const held = before?.chunkRows === chunkRows ? before : null;
  return {
    lsn,
    definitions: definitionsOf(views),
    stamps: views.map((view) => view.ticks.stampAt(lsn) ?? 0),
    rowStamps: rowViews.map(({ name, ticks }) => ({ name, stamp: ticks.stampAt(lsn) ?? 0 })),
    chunkRows,
    parts: parts.map(({ name, rows }) => {
      const chunks = Array.from({ length: Math.ceil(rows.size / chunkRows) }, (_, chunk) => {
        const from = chunk * chunkRows;
        const to = Math.min(from + chunkRows, rows.size);
        const isHeld = held !== null && to <= (held.rows.get(name) ?? 0);
        if (isHeld && !rows.isChunkTouched?.(chunk, held.lsn)) return null;
        return rows.capture(from, to);
      });
      return { part: name, rows: rows.size, chunks };
    }),
  };
}

/** Loads into empty views; false, and nothing is loaded, when it is of other definitions. */
export function restoreViews(
  stored: StoredViews,
  parts: readonly CheckpointPart[],
  views: readonly GroupView[],
): boolean {
  if (stored.definitions !== definitionsOf(views)) return false;
  for (const { name, rows } of parts) rows.load(stored.pieces(name, rows.columns));
  views.forEach((view, index) => {
    view.begin(stored.lsn, stored.stamps[index] ?? 0);
  });
  return true;
}

/** The texts of the tables' columns, then what each view holds. */
export function partsOf(
  tables: ReadonlyMap<string, TableSource>,
  views: readonly GroupView[],
): CheckpointPart[] {
  const texts = [...tables].flatMap(([table, source]) =>
    [...source.columns.values()]
      .filter(({ kind, list }) => kind === 'string' && !list)
      .map(({ name }) => ({ name: textsPart(table, name), rows: source.dictionary(name) })),
  );
  return [...texts, ...views.flatMap((view) => view.parts())];
}

export function textsPart(table: string, column: string): string {
  return `texts-${table}-${column}`;
}

function definitionsOf(views: readonly GroupView[]): string {
  return createHash('sha256')
    .update(JSON.stringify(views.map((view) => view.fingerprint)))
    .digest('hex');
}
