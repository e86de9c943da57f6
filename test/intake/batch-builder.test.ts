import { describe, expect, it } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { TickInput } from '../../engine/intake/rows/row-input.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { catalog, header } from './bodies.ts';

function refused(tick: Partial<TickInput>): EngineError {
  try {
    buildTickBatch(catalog, { header, actions: [], effects: [], ...tick });
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('the tick was taken');
}

const upsert = (set: object) =>
  ({ op: 'upsert', table: 'unit', key: { id: 1 }, set: { ...set }, require: null }) as const;

describe('the details of a tick that is refused', () => {
  it('name the place and the bound of a text, bytes or a list that is too long', () => {
    const { valueBytesMax, listElementsMax } = limits;
    const long = 'x'.repeat(valueBytesMax + 1);
    for (const [column, value] of [
      ['name', long],
      ['extra', long],
      ['blob', new Uint8Array(valueBytesMax + 1)],
    ] as const) {
      expect(refused({ effects: [upsert({ [column]: value })] })).toMatchObject({
        code: 'LIMIT_EXCEEDED',
        details: { path: `effects[0].unit.upsert.set.${column}`, limit: 'valueBytesMax' },
      });
    }
    const units = new Array<number>(listElementsMax + 1).fill(1);
    const row = { player: 1, units };
    expect(refused({ actions: [{ actionId: 'a', row, effects: [] }] })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { path: 'actions[0].units', limit: 'listElementsMax', max: listElementsMax },
    });
  });

  it('name the part of its header that does not fit', () => {
    for (const [path, value] of [
      ['tick', -1],
      ['sessionId', 'a b'],
      ['idempotencyKey', ''],
      ['afterTick', header.tick],
      ['afterTick', 7],
    ] as const) {
      const error = refused({ header: { ...header, [path]: value } });
      expect(error).toMatchObject({ code: 'BAD_USER_INPUT', details: { path } });
    }
  });

  it('name an expected version that is none', () => {
    const effect = { ...upsert({}), op: 'compareAndSet', expectedVersion: -1 } as const;
    const path = 'effects[0].unit.compareAndSet.expectedVersion';
    expect(refused({ effects: [effect] })).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: `${path} must be a whole number from 0 to 4294967295`,
      details: { path },
    });
  });
});
