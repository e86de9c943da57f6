import { describe, expect, it } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { ActionInput, EffectInput } from '../../engine/intake/rows/row-input.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Row } from '../../engine/model/types.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { catalog } from './bodies.ts';

interface Rows {
  readonly actions?: readonly ActionInput[];
  readonly effects?: readonly EffectInput[];
}

function outcomeOf({ actions = [], effects = [] }: Rows): string {
  try {
    buildTickBatch(catalog, { header: tickHeader(1), actions, effects });
    return 'taken';
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

const append: EffectInput = { op: 'append', table: 'ledger', row: { amount: 1 } };

function action(i: number, effects: readonly EffectInput[] = [], row: Row = {}): ActionInput {
  return { actionId: `a${i}`, row: { player: 1, ...row }, effects };
}

function actions(count: number): Rows {
  return { actions: Array.from({ length: count }, (_, i) => action(i)) };
}

function insert(row: Row): Rows {
  return { effects: [{ op: 'insert', table: 'unit', row: { id: 1, ...row } }] };
}

/** `tickOf(count)` has as many of what the case is named for. */
type Case = readonly [name: string, most: number, tickOf: (count: number) => Rows];

describe('a tick in rows is taken at a bound, and one past it answered LIMIT_EXCEEDED', () => {
  it.each<Case>([
    ['the actions of a tick', limits.tickActionsMax, actions],
    [
      'the effects of an action',
      limits.actionEffectsMax,
      (count) => ({ actions: [action(0), action(1, times(count, append))] }),
    ],
    [
      'the effects of a tick, those of its actions included',
      limits.tickEffectsMax,
      (count) => ({ actions: [action(0, [append])], effects: times(count - 1, append) }),
    ],
    [
      'the elements of a list',
      limits.listElementsMax,
      (count) => ({ actions: [action(0, [], { units: times(count, 1) })] }),
    ],
    ['the bytes of a string', limits.valueBytesMax, (count) => insert({ name: 'x'.repeat(count) })],
    [
      'the bytes of a string with a character of three bytes',
      limits.valueBytesMax,
      (count) => insert({ name: `€${'x'.repeat(count - 3)}` }),
    ],
    [
      'the bytes of a JSON text',
      limits.valueBytesMax,
      (count) => insert({ extra: `"${'x'.repeat(count - 2)}"` }),
    ],
    [
      'the bytes of a value of bytes',
      limits.valueBytesMax,
      (count) => insert({ blob: new Uint8Array(count) }),
    ],
  ])('%s', (_name, most, tickOf) => {
    expect([outcomeOf(tickOf(most)), outcomeOf(tickOf(most + 1))]).toEqual([
      'taken',
      'LIMIT_EXCEEDED',
    ]);
  });
});
