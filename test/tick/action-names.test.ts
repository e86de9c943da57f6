import { expect, it } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { ColumnDefinition } from '../../engine/model/types.ts';
import { ActionNames } from '../../engine/tick/action-names.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';

const column: ColumnDefinition = {
  name: 'actionId',
  kind: 'string',
  optional: false,
  list: false,
  values: [],
};

/** The one action of a tick, by its id. */
function actionsOf(id: string) {
  const ids = new VectorBuilder(column);
  ids.push(id, () => 'actionId');
  return { length: 1, vectors: [ids.build()] };
}

it('keeps the actions of so many ticks, and forgets the oldest for one more', () => {
  const names = new ActionNames();
  for (let lsn = 1; lsn <= limits.actionNamesTicksMax; lsn++) {
    names.remember(lsn, actionsOf(`a${lsn}`));
  }
  expect(names.find(1, 0)).toBe('a1');
  names.remember(limits.actionNamesTicksMax + 1, actionsOf('last'));
  expect([1, 2, limits.actionNamesTicksMax + 1].map((lsn) => names.find(lsn, 0))).toEqual([
    null,
    'a2',
    'last',
  ]);
});

it('keeps so many bytes of them, and forgets the oldest for one more', () => {
  const names = new ActionNames();
  /** Offsets of one text, and the text. */
  const ofBytes = (bytes: number) => actionsOf('x'.repeat(bytes - 8));
  const count = limits.actionNamesBytesMax / limits.valueBytesMax;
  for (let lsn = 1; lsn <= count; lsn++) names.remember(lsn, ofBytes(limits.valueBytesMax));
  expect(names.find(1, 0)).toHaveLength(limits.valueBytesMax - 8);
  names.remember(count + 1, ofBytes(9));
  expect(names.find(1, 0)).toBeNull();
  expect(names.find(2, 0)).toHaveLength(limits.valueBytesMax - 8);
});
