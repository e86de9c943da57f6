import {
  Binary,
  Bool,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int32,
  Int64,
  LargeList,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  Null,
  Table,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint32,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { tickItself } from '../../engine/tick/tick-batch.ts';
import { type ColumnBatch, valueAt } from '../../engine/vectors/column-vector.ts';
import { columnOf } from './any-column.ts';
import { arrowStream } from './arrow-body.ts';

import { actions, column, decode, refusal, rowsOf, texts, time, u32, upsert } from './bodies.ts';

function dictionaryOf(listed: readonly string[], indices: readonly (number | null)[]): Vector {
  const type = new Dictionary(new Utf8(), new Int32());
  const nulls = new Uint8Array(Math.ceil(indices.length / 8));
  indices.forEach((index, i) => {
    if (index !== null) nulls[i >>> 3] = (nulls[i >>> 3] ?? 0) | (1 << (i & 7));
  });
  return makeVector(
    makeData({
      type,
      length: indices.length,
      nullCount: indices.filter((index) => index === null).length,
      nullBitmap: nulls,
      data: Int32Array.from(indices, (index) => index ?? 0),
      dictionary: texts(listed),
    }),
  );
}

describe('a commit body', () => {
  it('is read stream by stream, in the order of the body', () => {
    const batch = decode(
      actions(3),
      arrowStream('ledger', 'append', {
        action: u32([0, 2, null]),
        amount: vectorFromArray([1, 2.5, 3], new Float64()),
      }),
      arrowStream('unit', 'delete', { action: u32([1]), id: u32([9]), expectedVersion: u32([4]) }),
    );
    expect(rowsOf(batch.actions)).toEqual([
      { actionId: 'a0', player: 0, kind: null, units: null, force: null },
      { actionId: 'a1', player: 1, kind: null, units: null, force: null },
      { actionId: 'a2', player: 2, kind: null, units: null, force: null },
    ]);
    const [ledger, deletion] = batch.streams;
    expect(ledger?.table.name).toBe('ledger');
    expect([...(ledger?.action ?? [])]).toEqual([0, 2, tickItself]);
    expect(rowsOf(ledger?.rows as ColumnBatch)).toEqual([
      { amount: 1, note: null },
      { amount: 2.5, note: null },
      { amount: 3, note: null },
    ]);
    expect(deletion).toMatchObject({ op: 'delete', expectedVersions: Uint32Array.of(4) });
    expect(rowsOf(deletion?.rows as ColumnBatch)).toEqual([{ id: 9 }]);
  });

  it('may be empty, and may hold streams without rows', () => {
    expect(decode()).toMatchObject({ actions: { length: 0 }, streams: [] });
    expect(decode(upsert({}, 0)).streams).toEqual([]);
  });

  it('may leave the action column out where all effects are of the tick itself', () => {
    expect([...(decode(upsert({})).streams[0]?.action ?? [])]).toEqual([tickItself, tickItself]);
  });

  it('brings the effects of a stream into the order of their actions, and keeps it within one', () => {
    const [stream] = decode(
      actions(3),
      upsert(
        {
          action: u32([2, null, 0, 2, 0]),
          name: texts(['a', 'b', null, 'd', 'e']),
          'require.owner.eq': u32([10, 11, 12, 13, 14]),
        },
        5,
      ),
    ).streams;
    expect([...(stream?.action ?? [])]).toEqual([0, 0, 2, 2, tickItself]);
    expect(rowsOf(stream?.rows as ColumnBatch)).toEqual([
      { id: 2, name: null },
      { id: 4, name: 'e' },
      { id: 0, name: 'a' },
      { id: 3, name: 'd' },
      { id: 1, name: 'b' },
    ]);
    const operand = stream?.require?.operands[0];
    expect(Array.from({ length: 5 }, (_, row) => operand && valueAt(operand, row))).toEqual([
      12, 14, 10, 13, 11,
    ]);
  });

  it('may come in several record batches', () => {
    const part = (from: number) =>
      new Table({
        id: u32([from, from + 1]),
        name: texts([`n${from}`, null]),
        blob: vectorFromArray([null, Uint8Array.of(from)], new Binary()),
        ready: vectorFromArray([true, from > 1], new Bool()),
      });
    const table = part(0).concat(part(2), part(4));
    expect(table.batches.length).toBe(3);
    const [stream] = decode(arrowStream('unit', 'upsert', table)).streams;
    expect(rowsOf(stream?.rows as ColumnBatch)).toEqual(
      [0, 2, 4].flatMap((from) => [
        { id: from, ready: true, name: `n${from}`, blob: null },
        { id: from + 1, ready: from > 1, name: null, blob: Uint8Array.of(from) },
      ]),
    );
  });

  it('may be a slice of a longer table', () => {
    const long = new Table({
      id: u32([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
      name: texts(['a', 'b', 'c', 'd', null, 'f', 'g', 'h', 'i', 'j', 'k']),
      ready: vectorFromArray(
        [true, false, null, true, false, true, true, null, false, true, true],
        new Bool(),
      ),
      health: vectorFromArray([0, 1, 2, null, 4, 5, 6, 7, 8, 9, 10], new Float32()),
    });
    const [stream] = decode(arrowStream('unit', 'upsert', long.slice(3, 9))).streams;
    expect(rowsOf(stream?.rows as ColumnBatch)).toEqual([
      { id: 3, name: 'd', ready: true, health: null },
      { id: 4, name: null, ready: false, health: 4 },
      { id: 5, name: 'f', ready: true, health: 5 },
      { id: 6, name: 'g', ready: true, health: 6 },
      { id: 7, name: 'h', ready: null, health: 7 },
      { id: 8, name: 'i', ready: false, health: 8 },
    ]);
  });
});

describe('a column of a commit body', () => {
  it('takes texts as such, with large offsets, from a dictionary', () => {
    const values = ['ä', null, '', 'b', 'ä'];
    expect(column('name', vectorFromArray(values, new Utf8()))).toEqual(values);
    expect(column('name', vectorFromArray(values, new LargeUtf8()))).toEqual(values);
    const dictionary = vectorFromArray(values, new Dictionary(new Utf8(), new Int32()));
    expect(column('name', dictionary)).toEqual(values);
  });

  it('takes names of an enum as texts and from a dictionary, whatever else that lists', () => {
    const { values: names } = columnOf('mode', 'enum');
    const values = [...names, null, ...names, null];
    expect(column('mode', texts(values))).toEqual(values);
    const listed = ['no such mode', ...names];
    const indices = values.map((value) => (value === null ? null : listed.indexOf(value)));
    expect(column('mode', dictionaryOf(listed, indices))).toEqual(values);
    const wrong = refusal(upsert({ mode: dictionaryOf(listed, [1, 0]) }, 2));
    expect(wrong).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(wrong.message).toContain('mode[1] must be one of');
    const outside = refusal(upsert({ mode: dictionaryOf(listed, [1, listed.length]) }, 2));
    expect(outside.message).toContain('points outside its dictionary');
  });

  it('takes numbers of other widths as long as their values fit', () => {
    expect(column('wide', vectorFromArray([1, null, -7], new Int32()))).toEqual([1n, null, -7n]);
    expect(column('small', vectorFromArray([1n, 255n], new Int64()))).toEqual([1, 255]);
    expect(column('small', vectorFromArray([3, 4], new Float64()))).toEqual([3, 4]);
    expect(column('health', vectorFromArray([0.1, null], new Float64()))).toEqual([
      Math.fround(0.1),
      null,
    ]);
  });

  it('takes times of every unit, cut to the millisecond', () => {
    expect(column('born', time(new TimestampSecond(), 1_234n))).toEqual([1_234_000]);
    expect(column('born', time(new TimestampMillisecond(), -5n))).toEqual([-5]);
    expect(column('born', time(new TimestampMicrosecond(), 1_234_567n))).toEqual([1234]);
    expect(column('born', time(new TimestampNanosecond(), 1_234_567_890n))).toEqual([1234]);
  });

  it('takes UUIDs as texts', () => {
    const uuid = '0123abcd-0000-4000-8000-0123456789ab';
    expect(column('token', texts([uuid.toUpperCase(), null]))).toEqual([uuid, null]);
  });

  it('takes lists with large offsets, and empty and absent ones', () => {
    const item = new Field('item', new Uint32(), true);
    for (const type of [new List(item), new LargeList(item)]) {
      const units = vectorFromArray([[1, 2], null, [], [3]], type);
      const batch = decode(actions(4, { units }));
      expect(rowsOf(batch.actions).map((row) => (row as { units: unknown }).units)).toEqual([
        [1, 2],
        null,
        [],
        [3],
      ]);
    }
  });

  it('takes a column of Arrow’s null type as nulls', () => {
    expect(column('name', vectorFromArray([null, null], new Null()))).toEqual([null, null]);
  });

  it('drops what lies under nulls', () => {
    const data = makeData({
      type: new Uint32(),
      length: 3,
      nullCount: 1,
      nullBitmap: Uint8Array.of(0b101),
      data: Uint32Array.of(1, 99, 3),
    });
    const [stream] = decode(upsert({ owner: makeVector(data) }, 3)).streams;
    const owner = stream?.rows.vectors.find((vector) => vector.column.name === 'owner');
    expect(owner?.layout === 'fixed' && [...owner.values]).toEqual([1, 0, 3]);
  });
});
