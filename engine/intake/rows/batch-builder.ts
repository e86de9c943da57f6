import type { Catalog } from '../../model/catalog.ts';
import { limits } from '../../model/limits.ts';
import { checkActionValues } from '../../tick/batch-check.ts';
import { type TickBatch, tickItself } from '../../tick/tick-batch.ts';
import { actionBatchColumns } from '../../tick/tick-record.ts';
import { VectorBuilder } from '../../vectors/vector-builder.ts';
import { atMost } from '../at-most.ts';
import { pushGiven, StreamSet } from './effect-streams.ts';
import type { TickInput } from './row-input.ts';
/**
 * Turns a tick's rows into columns in one pass. Throws `BAD_USER_INPUT` with the path of the first
 * value that does not fit, `LIMIT_EXCEEDED` for too many actions or effects.
 */
export function buildTickBatch(catalog: Catalog, input: TickInput): TickBatch {
  const { actions, effects, header } = input;
  atMost(actions.length, limits.tickActionsMax, 'actions in one tick');
  const actionColumns = actionBatchColumns(catalog.actionTable);
  const builders = actionColumns.map((column) => new VectorBuilder(column));
  const streams = new StreamSet(catalog, header.tick === null);
  // One closure for all values: paths are made for errors only, and pushes do not outlive the turn.
  let i = 0;
  let name = '';
  const place = () => `actions[${i}].${name}`;
  const effectsPath = () => `actions[${i}].effects`;
  for (; i < actions.length; i++) {
    const action = actions[i] as TickInput['actions'][number];
    for (let c = 0; c < builders.length; c++) {
      const builder = builders[c] as VectorBuilder;
      name = builder.column.name;
      pushGiven(builder, c === 0 ? action.actionId : action.row[name], place);
    }
    if (action.effects.length > limits.actionEffectsMax) {
      atMost(action.effects.length, limits.actionEffectsMax, `effects in actions[${i}]`);
    }
    streams.addAll(i, action.effects, effectsPath);
  }
  streams.addAll(tickItself, effects, () => 'effects');
  const batch: TickBatch = {
    header,
    actions: { length: actions.length, vectors: builders.map((builder) => builder.build()) },
    streams: streams.build(),
  };
  checkActionValues(batch);
  return batch;
}
