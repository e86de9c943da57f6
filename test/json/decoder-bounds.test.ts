import { describe, expect, it } from 'vitest';
import { JsonTickDecoder } from '../../engine/json/json-tick-decoder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { ashfallTick } from './ashfall-tick.ts';
import { contentOf, GeneralPath } from './general-path.ts';

const catalog = new Catalog(ashfall);
const general = new GeneralPath(catalog);

function takes(input: unknown, decoder = new JsonTickDecoder(catalog)): boolean {
  return decoder.decode(Buffer.from(JSON.stringify(input)), 0) !== null;
}

const action = (i: number, more: object = {}) => ({
  actionId: `a${i}`,
  playerId: 1,
  kind: 'MOVE',
  ...more,
});
const tick = (more: object) => ({ sessionId: 's', tick: 1, ...more });
const append = { matchMetrics: { append: { name: 'n', value: 1 } } };
const remove = (more: object = {}) => ({ unitState: { delete: { key: { unitId: 1 }, ...more } } });
const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

describe('the decoder takes a tick at a bound, and leaves it to the general path one past it', () => {
  it.each<[string, unknown, unknown]>([
    [
      'tickActionsMax',
      tick({ actions: Array.from({ length: limits.tickActionsMax }, (_, i) => action(i)) }),
      tick({ actions: Array.from({ length: limits.tickActionsMax + 1 }, (_, i) => action(i)) }),
    ],
    [
      'actionEffectsMax',
      tick({ actions: [action(0, { effects: times(limits.actionEffectsMax, append) })] }),
      tick({ actions: [action(0, { effects: times(limits.actionEffectsMax + 1, append) })] }),
    ],
    [
      'listElementsMax',
      tick({ actions: [action(0, { unitIds: times(limits.listElementsMax, 1) })] }),
      tick({ actions: [action(0, { unitIds: times(limits.listElementsMax + 1, 1) })] }),
    ],
    [
      'valueBytesMax',
      tick({ effects: [{ matchMetrics: { append: { name: 'n'.repeat(2 ** 20), value: 1 } } }] }),
      tick({
        effects: [{ matchMetrics: { append: { name: 'n'.repeat(2 ** 20 + 1), value: 1 } } }],
      }),
    ],
    [
      'valueBytesMax of JSON',
      tick({ actions: [action(0, { payload: 'n'.repeat(limits.valueBytesMax - 2) })] }),
      tick({ actions: [action(0, { payload: 'n'.repeat(limits.valueBytesMax - 1) })] }),
    ],
    [
      // Each effect goes to a stream after the one before, so two forms in turn make a stream each.
      'jsonStreamsMax',
      tick({
        actions: [
          action(0, { effects: times(limits.jsonStreamsMax / 2, [append, remove()]).flat() }),
        ],
      }),
      tick({
        actions: [
          action(0, {
            effects: [...times(limits.jsonStreamsMax / 2, [append, remove()]).flat(), append],
          }),
        ],
      }),
    ],
  ])('%s', (_name, at, past) => {
    expect([takes(at), takes(past)]).toEqual([true, false]);
  });
});

describe('what a decoder learns', () => {
  it('is forgotten when a tick has more forms than it remembers, and the next tick is taken', () => {
    const decoder = new JsonTickDecoder(catalog);
    // Orders of seven keys: more of them than a decoder remembers.
    const names = ['ownerId', 'blueprint', 'orderKind', 'x', 'y', 'targetUnitId', 'health'];
    const effects = permutations(names).map((order) => ({
      unitState: {
        upsert: {
          key: { unitId: 1 },
          set: Object.fromEntries(order.map((name) => [name, name === 'ownerId' ? 1 : null])),
        },
      },
    }));
    expect(effects.length).toBeGreaterThan(limits.jsonFormsMax);
    expect(takes(tick({ effects }), decoder)).toBe(false);
    expect(takes(tick({ effects: effects.slice(0, 10) }), decoder)).toBe(true);
  });

  it('does not change what the next tick decodes to', () => {
    const decoder = new JsonTickDecoder(catalog);
    const bodies = [
      tick({ actions: times(3000, 0).map((_, i) => action(i, { x: i, payload: [i] })) }),
      ashfallTick(4),
      tick({ actions: [action(1, { unitIds: [1] }), action(2, { y: 1 })], effects: [append] }),
      tick({ actions: [{ ...action(1), kind: 'NO SUCH' }] }),
      ashfallTick(1),
      tick({}),
      ashfallTick(9),
    ];
    for (const body of bodies) {
      const text = JSON.stringify(body);
      const decoded = decoder.decode(Buffer.from(text), 0);
      const expected = general.tick(text);
      expect(decoded && contentOf(decoded.batch)).toEqual(expected && contentOf(expected.batch));
    }
  });

  it('is given up, memory and all, after a tick that needs more than it keeps', () => {
    const decoder = new JsonTickDecoder(catalog);
    const unit = { unitId: 1, ownerId: 1, blueprint: 'b', orderKind: 'o', x: 1, y: 1, health: 1 };
    const effects = [{ unitState: { insert: { ...unit, targetUnitId: 1 } } }];
    const more = { x: 1, y: 1, targetUnitId: 1, payload: 0, effects };
    const actions = Array.from({ length: limits.tickActionsMax }, (_, i) => action(i, more));
    expect(takes(tick({ actions }), decoder)).toBe(true);
    expect(takes(ashfallTick(2), decoder)).toBe(true);
  });
});

function permutations(names: readonly string[]): string[][] {
  if (names.length === 0) return [[]];
  return names.flatMap((name) =>
    permutations(names.filter((other) => other !== name)).map((rest) => [name, ...rest]),
  );
}
