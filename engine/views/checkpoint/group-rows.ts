import { plainColumn } from '../../model/plain-column.ts';
import type { Lsn } from '../../model/position.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { ValueLane } from '../operators/value-lane.ts';
import type { CapturedChunk, PartRows } from './checkpoint-part.ts';
import type { ChunkMarks } from './chunk-marks.ts';

export interface NamedLane {
  readonly name: string;
  readonly lane: ValueLane;
}

/** The groups of a view as rows: the lanes of their keys, then those of their aggregates. */
export class GroupRows implements PartRows {
  readonly columns: readonly ColumnDefinition[];
  readonly #keys: PartRows;
  readonly #lanes: readonly { readonly lane: ValueLane; readonly column: ColumnDefinition }[];
  readonly #marks: ChunkMarks;

  constructor(keys: PartRows, lanes: readonly NamedLane[], marks: ChunkMarks) {
    this.#keys = keys;
    this.#lanes = lanes.map(({ name, lane }) => ({
      lane,
      column: lane.kind === 'number' ? plainColumn(name, 'f64') : plainColumn(name, 'bytes', true),
    }));
    this.#marks = marks;
    this.columns = [...keys.columns, ...this.#lanes.map(({ column }) => column)];
  }

  get size(): number {
    return this.#keys.size;
  }

  capture(from: number, to: number): CapturedChunk {
    const keys = this.#keys.capture(from, to);
    const lanes = this.#lanes.map(({ lane, column }) => lane.capture(column, from, to));
    return (memory) => ({
      length: to - from,
      vectors: [...keys(memory).vectors, ...lanes.map((vector) => vector(memory))],
    });
  }

  isChunkTouched(chunk: number, lsn: Lsn): boolean {
    return this.#marks.isTouched(chunk, lsn);
  }

  load(pieces: readonly (readonly ColumnVector[])[]): void {
    const first = this.#keys.columns.length;
    this.#keys.load(pieces.map((vectors) => vectors.slice(0, first)));
    this.#lanes.forEach(({ lane }, index) => {
      lane.load(pieces.map((vectors) => vectors[first + index] as ColumnVector));
    });
  }
}
