import {
  type Data,
  type RecordBatch,
  RecordBatchReader,
  type Timestamp,
  type Vector,
} from 'apache-arrow';
import type { ColumnDefinition } from '../../engine/model/types.ts';
import { type TickBatch, tickItself } from '../../engine/tick/tick-batch.ts';
import { type ColumnVector, valueAt } from '../../engine/vectors/column-vector.ts';

/** The rows of a stream: of each its columns' values, and of effects the action at first. */
export interface OracleStream {
  readonly name: string;
  readonly rows: readonly (readonly unknown[])[];
}

/** Our batch as `arrowReads` gives what it came from; null columns are left out of both. */
export function batchReads(batch: TickBatch): OracleStream[] {
  const streams = batch.streams.map((stream): OracleStream => {
    const vectors = [...stream.rows.vectors, ...(stream.require?.operands ?? [])];
    const rows = rowsOf(stream.length, vectors).map((row, i) => {
      return [stream.action[i], stream.expectedVersions?.[i] ?? null, ...row];
    });
    return { name: `${stream.table.name} ${stream.op}`, rows };
  });
  const { length, vectors } = batch.actions;
  if (length === 0) return streams;
  return [{ name: 'order actions', rows: rowsOf(length, vectors) }, ...streams];
}

function rowsOf(length: number, vectors: readonly ColumnVector[]): unknown[][] {
  return Array.from({ length }, (_, row) =>
    vectors.map((vector) => comparable(vector.column, valueAt(vector, row))),
  );
}

/**
 * What `apache-arrow` makes of a body that was decoded as `batch`, whose tables and columns it is
 * asked for: the streams that have rows, the actions first, effects in order of their action.
 */
export function arrowReads(body: Uint8Array, batch: TickBatch): OracleStream[] {
  const streams: OracleStream[] = [];
  const effects = batch.streams[Symbol.iterator]();
  for (const reader of RecordBatchReader.readAll(body)) {
    const batches = [...reader];
    const { metadata } = reader.schema;
    const op = metadata.get('tickloom.op');
    const name = `${metadata.get('tickloom.table')} ${op}`;
    if (batches.every(({ numRows }) => numRows === 0)) continue;
    if (op === 'actions') {
      const read = batch.actions.vectors.map(({ column }) => columnReader(column.name, column));
      streams.unshift({ name, rows: rowsOfBatches(batches, read) });
      continue;
    }
    const { value: stream } = effects.next();
    const byRow = reader.schema.fields.filter((field) => field.name.startsWith('require.'));
    const read = [
      (one: RecordBatch, row: number) => wholeNumber(one, 'action', row) ?? tickItself,
      (one: RecordBatch, row: number) => wholeNumber(one, 'expectedVersion', row),
      ...(stream?.rows.vectors ?? []).map(({ column }) => columnReader(column.name, column)),
      ...(stream?.require?.operands ?? []).map((operand, i) => {
        const field = byRow[i]?.name;
        // What stands in the schema is the same in every row; it is our own word that is taken.
        if (!field) return () => comparable(operand.column, valueAt(operand, 0));
        return columnReader(field, operand.column);
      }),
    ];
    const rows = rowsOfBatches(batches, read);
    streams.push({ name, rows: rows.sort((a, b) => (a[0] as number) - (b[0] as number)) });
  }
  return streams;
}

/** An index or a version, which a client may send as an integer of any width. */
function wholeNumber(batch: RecordBatch, name: string, row: number): number | null {
  const value: unknown = batch.getChild(name)?.get(row);
  return value === null || value === undefined ? null : Number(value);
}

type CellReader = (batch: RecordBatch, row: number) => unknown;

function columnReader(name: string, column: ColumnDefinition): CellReader {
  if (column.kind === 'timestamp') {
    return (batch, row) => milliseconds(batch.getChild(name), row);
  }
  return (batch, row) => comparable(column, batch.getChild(name)?.get(row));
}

function rowsOfBatches(
  batches: readonly RecordBatch[],
  readers: readonly CellReader[],
): unknown[][] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, row) => readers.map((read) => read(batch, row))),
  );
}

/** Without the fraction, which `get` gives in a double that is not exact. */
function milliseconds(vector: Vector | null, row: number): number | null {
  if (!vector || vector.get(row) === null) return null;
  const { type, values } = vector.data[0] as Data<Timestamp>;
  const ticksPerSecond = [1n, 1000n, 1_000_000n, 1_000_000_000n][type.unit] as bigint;
  return Number(((values[row] as bigint) * 1000n) / ticksPerSecond);
}

/** One shape for what we keep and what Arrow gives. */
function comparable(column: ColumnDefinition, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (column.list) {
    const element = { ...column, list: false };
    return Array.from(value as Iterable<unknown>, (one) => comparable(element, one));
  }
  switch (column.kind) {
    case 'uuid':
      return typeof value === 'string' ? value.replaceAll('-', '').toLowerCase() : hex(value);
    case 'bytes':
      return hex(value);
    case 'vec3':
      return Symbol.iterator in Object(value)
        ? Array.from(value as Iterable<number>)
        : Object.values(value as object);
    case 'bool':
    case 'string':
    case 'enum':
    case 'json':
      return value;
    case 'i64':
    case 'u64':
      return BigInt(value as number | bigint);
    case 'timestamp':
      return value;
    case 'f32':
      return Math.fround(Number(value));
    default:
      return Number(value);
  }
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString('hex');
}
