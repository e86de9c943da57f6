import {
  makeData,
  makeVector,
  type Timestamp,
  Uint32,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import type { TickBatch, TickHeader } from '../../engine/tick/tick-batch.ts';
import { type ColumnBatch, valueAt } from '../../engine/vectors/column-vector.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { columnOf } from './any-column.ts';
import { arrowBody, arrowStream } from './arrow-body.ts';

const manifest: TitleManifest = {
  format: 1,
  title: 'bodies',
  version: 1,
  tables: [
    {
      name: 'order',
      kind: 'action',
      columns: [
        columnOf('player', 'u32'),
        columnOf('kind', 'enum', { optional: true }),
        columnOf('units', 'u32', { optional: true, list: true }),
        columnOf('force', 'f32', { optional: true }),
      ],
      key: [],
      indexes: [],
    },
    {
      name: 'ledger',
      kind: 'event',
      columns: [columnOf('amount', 'f64'), columnOf('note', 'string', { optional: true })],
      key: [],
      indexes: [],
    },
    {
      name: 'unit',
      kind: 'state',
      columns: [
        columnOf('sessionId', 'string'),
        columnOf('id', 'u32'),
        columnOf('owner', 'u32', { optional: true }),
        columnOf('small', 'u8', { optional: true }),
        columnOf('wide', 'i64', { optional: true }),
        columnOf('ready', 'bool', { optional: true }),
        columnOf('name', 'string', { optional: true }),
        columnOf('health', 'f32', { optional: true }),
        columnOf('mode', 'enum', { optional: true }),
        columnOf('born', 'timestamp', { optional: true }),
        columnOf('token', 'uuid', { optional: true }),
        columnOf('extra', 'json', { optional: true }),
        columnOf('blob', 'bytes', { optional: true }),
      ],
      key: ['sessionId', 'id'],
      indexes: [],
    },
  ],
  views: [],
  roles: [],
};
export const catalog = new Catalog(manifest);

export const header: TickHeader = tickHeader(1);

export function decode(...streams: readonly Uint8Array[]): TickBatch {
  return decodeCommitBody(catalog, header, arrowBody(...streams));
}

export function refusal(...streams: readonly Uint8Array[]): EngineError {
  try {
    decode(...streams);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('the body was accepted');
}

export const u32 = (values: readonly (number | null)[]) => vectorFromArray(values, new Uint32());
export const texts = (values: readonly (string | null)[]) => vectorFromArray(values, new Utf8());

export function actions(count: number, more: Record<string, Vector> = {}): Uint8Array {
  const all = Array.from({ length: count }, (_, i) => i);
  return arrowStream('order', 'actions', {
    actionId: texts(all.map((i) => `a${i}`)),
    player: u32(all),
    ...more,
  });
}

/** An upsert of rows of the tick itself. */
export function upsert(columns: Record<string, Vector>, rows = 2, metadata = {}): Uint8Array {
  const ids = u32(Array.from({ length: rows }, (_, i) => i));
  return arrowStream('unit', 'upsert', { id: ids, ...columns }, metadata);
}

export function rowsOf(batch: ColumnBatch): unknown[] {
  return Array.from({ length: batch.length }, (_, row) =>
    Object.fromEntries(batch.vectors.map((v) => [v.column.name, valueAt(v, row)])),
  );
}

/** What a column of an upsert was read as. */
export function column(name: string, vector: Vector): unknown[] {
  const [stream] = decode(upsert({ [name]: vector }, vector.length)).streams;
  return rowsOf(stream?.rows as ColumnBatch).map((row) => (row as Record<string, unknown>)[name]);
}

export function time(type: Timestamp, value: bigint): Vector {
  return makeVector(makeData({ type, data: BigInt64Array.of(value) }));
}
