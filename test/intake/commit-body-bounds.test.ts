import {
  Dictionary,
  Field,
  Int32,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  Null,
  Uint32,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { arrowStream } from './arrow-body.ts';

import { actions, column, decode, refusal, texts, u32, upsert } from './bodies.ts';

describe('a commit body past a bound is answered LIMIT_EXCEEDED', () => {
  it('a value', () => {
    const most = 'x'.repeat(limits.valueBytesMax);
    expect(column('name', texts([most]))).toEqual([most]);
    for (const type of [new Utf8(), new LargeUtf8(), new Dictionary(new Utf8(), new Int32())]) {
      const error = refusal(upsert({ name: vectorFromArray([`${most}x`], type) }, 1));
      expect(error.code).toBe('LIMIT_EXCEEDED');
    }
  });

  it('a list', () => {
    const type = new List(new Field('item', new Uint32(), false));
    const list = (length: number) => vectorFromArray([new Uint32Array(length)], type);
    decode(actions(1, { units: list(limits.listElementsMax) }));
    const error = refusal(actions(1, { units: list(limits.listElementsMax + 1) }));
    expect(error.code).toBe('LIMIT_EXCEEDED');
  });

  it('the actions of a tick', () => {
    const most = limits.tickActionsMax;
    expect(decode(manyActions(most)).actions.length).toBe(most);
    expect(refusal(manyActions(most + 1)).code).toBe('LIMIT_EXCEEDED');
  });

  it('what a body grows to: texts and bytes that stand in it once and are used by many rows', () => {
    const rows = limits.logRecordBytesMax / limits.valueBytesMax + 1;
    const most = 'x'.repeat(limits.valueBytesMax);
    const indices = makeVector(
      makeData({
        type: new Dictionary(new Utf8(), new Int32()),
        length: rows,
        nullCount: 0,
        data: new Int32Array(rows),
        dictionary: texts([most]),
      }),
    );
    expect(refusal(upsert({ name: indices }, rows)).code).toBe('LIMIT_EXCEEDED');
    const views = new Uint8Array(rows * 16);
    const fields = new DataView(views.buffer);
    for (let row = 0; row < rows; row++) fields.setInt32(row * 16, most.length, true);
    const shared = makeVector(
      makeData({
        type: new Utf8View(),
        length: rows,
        nullCount: 0,
        views,
        variadicBuffers: [Buffer.from(most)],
      }),
    );
    expect(refusal(upsert({ name: shared }, rows)).code).toBe('LIMIT_EXCEEDED');
    const require = JSON.stringify({ name: { ne: most } });
    const error = refusal(upsert({}, rows, { 'tickloom.require': require }));
    expect(error.code).toBe('LIMIT_EXCEEDED');
  });

  it('rows that a body claims and has no bytes of, before any memory is taken for them', () => {
    const claimed = (rows: number) =>
      arrowStream('unit', 'upsert', {
        id: makeVector(makeData({ type: new Null(), length: rows })),
      });
    const half = limits.tickEffectsMax / 2 + 1;
    const streams = Array.from({ length: 3 }, () => claimed(half));
    // A null key is refused as it is read: that this is not comes of the sum being refused first.
    const append = arrowStream('ledger', 'append', {
      action: makeVector(makeData({ type: new Null(), length: half })),
      amount: makeVector(new Float64Array(half)),
    });
    expect(refusal(append, ...streams).code).toBe('LIMIT_EXCEEDED');
  });

  it('the rows of one batch, and says the bound', () => {
    const rows = limits.tickEffectsMax + 1;
    const effects = arrowStream('ledger', 'append', { amount: makeVector(new Float64Array(rows)) });
    expect(refusal(effects)).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: `there are ${rows} rows in stream 0 (ledger append); at most ${rows - 1} may be`,
      details: { limit: 'tickEffectsMax', max: limits.tickEffectsMax, actual: rows },
    });
    expect(refusal(manyActions(rows))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'tickActionsMax', max: limits.tickActionsMax, actual: rows },
    });
  });

  it('the effects of a tick, and of an action', () => {
    const perAction = limits.actionEffectsMax;
    const effects = (count: number, actionOf: (i: number) => number | null) =>
      arrowStream('ledger', 'append', {
        action: u32(Array.from({ length: count }, (_, i) => actionOf(i))),
        amount: makeVector(new Float64Array(count)),
      });
    decode(
      actions(1),
      effects(perAction, () => 0),
    );
    expect(
      refusal(
        actions(1),
        effects(perAction + 1, () => 0),
      ).code,
    ).toBe('LIMIT_EXCEEDED');
    const half = limits.tickEffectsMax / 2;
    const own = effects(half, () => null);
    expect(decode(own, own).streams.length).toBe(2);
    expect(
      refusal(
        own,
        own,
        effects(1, () => null),
      ).code,
    ).toBe('LIMIT_EXCEEDED');
  });
});

function manyActions(count: number): Uint8Array {
  return arrowStream('order', 'actions', {
    actionId: texts(Array.from({ length: count }, (_, i) => String(i))),
    player: makeVector(new Uint8Array(count)),
  });
}
