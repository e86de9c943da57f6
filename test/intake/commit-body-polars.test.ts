import { Message, RecordBatchReader, Schema } from 'apache-arrow';
import pl from 'nodejs-polars';
import { describe, expect, it } from 'vitest';
import { arrowBody } from './arrow-body.ts';
import { actions, decode, rowsOf } from './bodies.ts';

/** Polars' own batches under a schema that names table and operation, which Polars cannot write. */
function polarsStream(table: string, op: string, frame: pl.DataFrame): Uint8Array {
  const bytes = new Uint8Array(frame.writeIPCStream());
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batchesAt = 8 + view.getInt32(4, true);
  const { schema } = RecordBatchReader.from(bytes).open();
  const named = new Schema(
    schema.fields,
    new Map([
      ['tickloom.table', table],
      ['tickloom.op', op],
    ]),
    schema.dictionaries,
  );
  const message = Message.encode(Message.from(named));
  const metadata = Buffer.alloc((message.length + 7) & ~7);
  metadata.set(message);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(0xffff_ffff, 0);
  prefix.writeUInt32LE(metadata.length, 4);
  return arrowBody(prefix, metadata, bytes.subarray(batchesAt));
}

describe('a commit body by Polars', () => {
  it('is read with its views of texts, large lists, categories and nulls', () => {
    const orders = pl.DataFrame({
      actionId: pl.Series('actionId', ['a0', 'an id longer than twelve bytes', 'a2'], pl.Utf8),
      player: pl.Series('player', [7, 8, 9], pl.UInt32),
      kind: pl.Series('kind', ['RED', null, 'BLUE'], pl.Categorical),
      units: pl.Series('units', [[1, 2], [], [3]], pl.List(pl.UInt32)),
      force: pl.Series('force', [0.5, null, 2], pl.Float64),
    });
    const units = pl.DataFrame({
      action: pl.Series('action', [0, 2], pl.UInt32),
      id: pl.Series('id', [1, 2], pl.Int64),
      name: pl.Series('name', ['a name longer than twelve bytes', null], pl.Utf8),
      ready: pl.Series('ready', [true, null], pl.Bool),
      extra: pl.Series('extra', [null, '{"a":1}'], pl.Utf8),
    });
    const batch = decode(
      polarsStream('order', 'actions', orders),
      polarsStream('unit', 'upsert', units),
    );
    expect(rowsOf(batch.actions)).toEqual([
      { actionId: 'a0', player: 7, kind: 'RED', units: [1, 2], force: 0.5 },
      {
        actionId: 'an id longer than twelve bytes',
        player: 8,
        kind: null,
        units: [],
        force: null,
      },
      { actionId: 'a2', player: 9, kind: 'BLUE', units: [3], force: 2 },
    ]);
    const [stream] = batch.streams;
    expect([...(stream?.action ?? [])]).toEqual([0, 2]);
    expect(stream && rowsOf(stream.rows)).toEqual([
      { id: 1, ready: true, name: 'a name longer than twelve bytes', extra: null },
      { id: 2, ready: null, name: null, extra: '{"a":1}' },
    ]);
  });

  it('is read from a slice and from several chunks', () => {
    const part = (from: number) =>
      pl.DataFrame({
        amount: pl.Series('amount', [from, from + 1, from + 2], pl.Float64),
        note: pl.Series('note', [`note ${from} of many`, null, 'x'], pl.Utf8),
        action: pl.Series('action', [0, 0, null], pl.UInt32),
      });
    const frame = pl.concat([part(0), part(10)], { how: 'vertical', rechunk: false }).slice(1, 4);
    const [stream] = decode(actions(1), polarsStream('ledger', 'append', frame)).streams;
    expect(stream && rowsOf(stream.rows)).toEqual([
      { amount: 1, note: null },
      { amount: 10, note: 'note 10 of many' },
      { amount: 11, note: null },
      { amount: 2, note: 'x' },
    ]);
  });
});
