import { describe, expect, it } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { arrowStream } from '../intake/arrow-body.ts';
import { catalog, decode, header, texts, u32 } from '../intake/bodies.ts';

function contentOf(...effects: readonly EffectInput[]): string {
  const actions = [{ actionId: 'a', row: { player: 1 }, effects }];
  const batch = buildTickBatch(catalog, { header, actions, effects: [] });
  return Buffer.from(encodeTick(batch).digest).toString('hex');
}

const upsert = (set: object, require: object | null = null): EffectInput => ({
  op: 'upsert',
  table: 'unit',
  key: { id: 1 },
  set: { ...set },
  require: require && { ...require },
});
const adjust = (add: object): EffectInput => ({
  op: 'adjust',
  table: 'unit',
  key: { id: 1 },
  add: { ...add },
  require: null,
});
const insert = (row: object): EffectInput => ({ op: 'insert', table: 'unit', row: { ...row } });

describe('the content by which a tick is known again', () => {
  it('is the same with the keys of a row, a set or an add swapped, and with nulls in a whole row', () => {
    expect(contentOf(insert({ owner: 2, id: 1, name: null }))).toBe(
      contentOf(insert({ id: 1, owner: 2 })),
    );
    expect(contentOf(upsert({ small: 1, owner: 2 }))).toBe(
      contentOf(upsert({ owner: 2, small: 1 })),
    );
    expect(contentOf(adjust({ small: 1, owner: 2 }))).toBe(
      contentOf(adjust({ owner: 2, small: 1 })),
    );
  });

  it('is another with a null in a set or an add, with the parts of a require swapped, or an empty one', () => {
    expect(contentOf(adjust({ owner: 1, small: null }))).not.toBe(contentOf(adjust({ owner: 1 })));
    expect(contentOf(upsert({ owner: 1, small: null }))).not.toBe(contentOf(upsert({ owner: 1 })));
    expect(contentOf(upsert({}, { owner: { gt: 1, lt: 9 } }))).not.toBe(
      contentOf(upsert({}, { owner: { lt: 9, gt: 1 } })),
    );
    expect(contentOf(upsert({}, { owner: { eq: 1 }, small: { eq: 2 } }))).not.toBe(
      contentOf(upsert({}, { small: { eq: 2 }, owner: { eq: 1 } })),
    );
    expect(contentOf(upsert({}, {}))).not.toBe(contentOf(upsert({})));
  });

  it('is another where some effects of an action have their keys swapped, and others do not', () => {
    const one = upsert({ owner: 2, small: 1 });
    const swapped = upsert({ small: 1, owner: 2 });
    expect(contentOf(one, swapped)).not.toBe(contentOf(one, one));
    expect(contentOf(swapped, swapped)).toBe(contentOf(one, one));
  });

  it('is another with JSON text that is not compact, in an Arrow body, or with streams cut otherwise', () => {
    const body = (...extras: string[][]) => {
      const streams = extras.map((rows) =>
        arrowStream('unit', 'insert', {
          id: u32(rows.map((_, i) => i)),
          extra: texts(rows),
        }),
      );
      return Buffer.from(encodeTick(decode(...streams)).digest).toString('hex');
    };
    expect(body(['{"a": 1}'])).not.toBe(body(['{"a":1}']));
    expect(body(['1'], ['2'])).not.toBe(body(['1', '2']));
  });
});
