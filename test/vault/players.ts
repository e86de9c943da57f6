import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import type { TickHeader } from '../../engine/tick/tick-batch.ts';
import type { TickOutcome } from '../../engine/tick/tick-outcome.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

/** A tick that orders something for an account and writes its player's e-mail address. */
export function commitPlayer(
  engine: Engine,
  tick: number,
  account: string,
  header: Partial<TickHeader> = {},
): Promise<TickOutcome> {
  const effect: EffectInput = {
    table: 'players',
    op: 'upsert',
    key: { account },
    set: { email: emailOf(account), city: 'Bonn' },
    require: null,
  };
  const batch = buildTickBatch(engine.catalog, {
    header: tickHeader(tick, header),
    actions: [{ actionId: `${tick}`, row: { account }, effects: [effect] }],
    effects: [],
  });
  return engine.commit(testTicket, batch);
}

export function emailOf(account: string): string {
  return `${account}@example.net`;
}
