import type { ColumnDefinition } from '../../engine/model/types.ts';
import { bitAt, type ColumnVector } from '../../engine/vectors/column-vector.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';
import type { StoredViews } from '../../engine/views/checkpoint/view-checkpoint.ts';
import type { OwnedViewEngine } from '../../engine/views/open-views.ts';

/**
 * Views as the one binary that checkpoints held up to format 3. `empty`, of the same definitions,
 * is to be dropped afterwards.
 */
export function binaryOfViews(stored: StoredViews, empty: OwnedViewEngine): Uint8Array {
  const parts: { part: string; vectors: readonly ColumnVector[] }[] = [];
  empty.restore({
    ...stored,
    pieces(part, columns) {
      const [vectors, ...more] = stored.pieces(part, columns);
      if (more.length > 0) throw new RangeError('the fixture takes one chunk a part');
      parts.push({ part, vectors: vectors ?? columns.map(noRows) });
      return [];
    },
  });
  const { lsn, definitions, stamps } = stored;
  const dictionaries: { table: string; column: string }[] = [];
  const views: { stamp: number; parts: number }[] = [];
  const contents: Uint8Array[] = [];
  for (const { part, vectors } of parts) {
    const [kind, table = '', column = ''] = part.split('-');
    if (kind === 'texts') {
      dictionaries.push({ table, column });
      contents.push(...vectors.map(textContent));
      continue;
    }
    const keys = vectors.filter((vector) => vector.column.kind === 'u32');
    const lanes = vectors.filter((vector) => vector.column.kind !== 'u32');
    if (kind === 'groups') views.push({ stamp: stamps[views.length] ?? 0, parts: 0 });
    const view = views.at(-1);
    if (!view) throw new RangeError('groups come before what belongs to them');
    contents.push(keyContent(keys), ...lanes.map(laneContent));
    view.parts += 1 + lanes.length;
  }
  const partBytes = contents.map((content) => content.length);
  const header = { format: 1, lsn, definitions, dictionaries, views, partBytes };
  const json = Buffer.from(JSON.stringify(header));
  return Uint8Array.from(Buffer.concat([bytesOf(Uint32Array.of(json.length)), json, ...contents]));
}

function noRows(column: ColumnDefinition): ColumnVector {
  return new VectorBuilder(column).build();
}

/** The count and the ends, then the bytes. */
function textContent(vector: ColumnVector): Uint8Array {
  const { length, offsets, data } = vector as ColumnVector & { layout: 'binary' };
  const numbers = Uint32Array.of(length, ...offsets.subarray(1, length + 1));
  return Buffer.concat([bytesOf(numbers), data]);
}

/** Key after key. */
function keyContent(vectors: readonly ColumnVector[]): Uint8Array {
  const lanes = vectors.map((vector) => (vector as { values?: Uint32Array }).values ?? []);
  const length = lanes[0]?.length ?? 0;
  const words = Array.from({ length }, (_, row) => lanes.map((lane) => lane[row] ?? 0));
  return bytesOf(Uint32Array.from(words.flat()));
}

/** Floats; or the count, each length (-1: null), then the bytes. */
function laneContent(vector: ColumnVector): Uint8Array {
  if (vector.layout === 'fixed') return bytesOf(vector.values as Float64Array);
  const { length, offsets, data, validity } = vector as ColumnVector & { layout: 'binary' };
  const lengths = Array.from({ length }, (_, row) =>
    validity && !bitAt(validity, row) ? -1 : Number(offsets[row + 1]) - Number(offsets[row]),
  );
  return Buffer.concat([bytesOf(Int32Array.of(length, ...lengths)), data]);
}

function bytesOf(values: Uint32Array | Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
