import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { tickHeader } from '../tick/tick-header.ts';

export const sessions = ['left', 'right'] as const;

/** A tick that its number determines: whoever sends it again sends the same. */
export function killedTick(catalog: Catalog, sessionId: string, tick: number): TickBatch {
  const effects = (action: number): EffectInput[] => {
    const unitId = (tick * 31 + action * 7) % 500;
    const set = { ownerId: action, x: tick, blueprint: `b${(tick * action) % 97}` };
    return [
      { op: 'upsert', table: 'unitState', key: { unitId }, set, require: null },
      { op: 'append', table: 'matchMetrics', row: { name: 'tick', value: tick } },
      ...(action === 3
        ? ([{ op: 'insert', table: 'unitState', row: { unitId: tick % 50, ownerId: 1 } }] as const)
        : []),
    ];
  };
  return buildTickBatch(catalog, {
    header: tickHeader(tick, { sessionId }),
    actions: [0, 1, 2, 3].map((action) => ({
      actionId: `${tick}-${action}`,
      row: { playerId: action, kind: 'ATTACK', unitIds: [tick] },
      effects: effects(action),
    })),
    effects: [],
  });
}
