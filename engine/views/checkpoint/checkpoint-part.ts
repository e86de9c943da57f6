import type { Lsn } from '../../model/position.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnMemory } from '../../vectors/column-memory.ts';
import type { ColumnBatch, ColumnVector } from '../../vectors/column-vector.ts';

/**
 * Some rows as they were when they were captured, in columns; those lie in `memory` where they are
 * not copied already. May be called in a later turn, whatever is folded in meanwhile.
 */
export type CapturedChunk = (memory: ColumnMemory) => ColumnBatch;

/** Rows, numbered from 0, of which none ever leaves: what views hold, as a checkpoint keeps it. */
export interface PartRows {
  readonly columns: readonly ColumnDefinition[];
  readonly size: number;
  /** The rows from…to. What may change after this turn is copied in it, and nothing else. */
  capture(from: number, to: number): CapturedChunk;
  /** Whether a row of the chunk was changed after `lsn`; absent: rows stay as they came. */
  isChunkTouched?(chunk: number, lsn: Lsn): boolean;
  /** Only while it is empty: all rows, in pieces of `columns`. What it holds is a copy. */
  load(pieces: readonly (readonly ColumnVector[])[]): void;
}

export interface CheckpointPart {
  /** Unique among the title's parts; letters, digits and hyphens only, since it names files. */
  readonly name: string;
  readonly rows: PartRows;
}
