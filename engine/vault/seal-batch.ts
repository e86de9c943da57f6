import type { PersonalRule } from '../model/types.ts';
import type { EffectStream, TickBatch } from '../tick/tick-batch.ts';
import { type ColumnVector, valueAt } from '../vectors/column-vector.ts';
import { VectorBuilder } from '../vectors/vector-builder.ts';

/** The token of a person's value. */
export type TokenOf = (subject: string, value: string) => string;

/**
 * The tick with tokens in the place of all personal values: of rows, of keys, and of what conditions
 * compare with. The same tick gives the same one, as long as nothing of it is erased.
 */
export function sealBatch(batch: TickBatch, tokenOf: TokenOf): TickBatch {
  const { actions } = batch;
  return {
    ...batch,
    actions: { length: actions.length, vectors: sealedRows(actions.vectors, tokenOf) },
    streams: batch.streams.map((stream) => sealedStream(stream, tokenOf)),
  };
}

function sealedStream(stream: EffectStream, tokenOf: TokenOf): EffectStream {
  const { rows, require } = stream;
  const vectors = sealedRows(rows.vectors, tokenOf);
  if (vectors === rows.vectors && !require?.operands.some(isPersonal)) return stream;
  return {
    ...stream,
    rows: { length: rows.length, vectors },
    // What a row is compared with is of whoever the row is of: the row's key says so.
    require: require && {
      form: require.form,
      operands: require.operands.map((operand) => sealed(operand, rows.vectors, tokenOf)),
    },
  };
}

function sealedRows(vectors: readonly ColumnVector[], tokenOf: TokenOf): readonly ColumnVector[] {
  if (!vectors.some(isPersonal)) return vectors;
  return vectors.map((vector) => sealed(vector, vectors, tokenOf));
}

function isPersonal({ column }: ColumnVector): boolean {
  return column.personal !== undefined;
}

function sealed(
  vector: ColumnVector,
  siblings: readonly ColumnVector[],
  tokenOf: TokenOf,
): ColumnVector {
  const { personal } = vector.column;
  if (!personal) return vector;
  const subjectAt = subjectsOf(personal, siblings);
  const builder = new VectorBuilder(vector.column);
  const place = () => vector.column.name;
  for (let row = 0; row < vector.length; row++) {
    const value = valueAt(vector, row);
    if (value === null) {
      builder.push(null, place);
      continue;
    }
    const text = String(value);
    builder.push(tokenOf(subjectAt?.(row) ?? text, text), place);
  }
  return builder.build();
}

/** Who is named in the column of subjects, row by row; null where each value names its own. */
function subjectsOf(
  { subject }: PersonalRule,
  siblings: readonly ColumnVector[],
): ((row: number) => string) | null {
  if (subject === null) return null;
  const named = siblings.find(({ column }) => column.name === subject);
  // Required of every row, and in state tables of the key, so that the manifest's check saw to it.
  if (!named) throw new RangeError(`a row without "${subject}", which says whose its values are`);
  return (row) => String(valueAt(named, row));
}
