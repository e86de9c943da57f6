import type { EventChanges } from '../state/change-set.ts';
import { pickRows } from '../vectors/vector-rows.ts';
import { type EffectStream, type TickBatch, tickItself } from './tick-batch.ts';

/**
 * The rows that accepted effects append, table by table in order of first appearance, rows in
 * order of action. The usual case, one stream of which every row is in, is passed on as it came.
 */
export function collectEvents(batch: TickBatch, verdicts: Uint8Array): EventChanges[] {
  const byTable = new Map<string, EffectStream[]>();
  for (const stream of batch.streams) {
    if (stream.op !== 'append') continue;
    const streams = byTable.get(stream.table.name);
    if (streams) streams.push(stream);
    else byTable.set(stream.table.name, [stream]);
  }
  const changes: EventChanges[] = [];
  for (const streams of byTable.values()) {
    const collected = collectTable(streams, verdicts);
    if (collected) changes.push(collected);
  }
  return changes;
}

function collectTable(streams: readonly EffectStream[], verdicts: Uint8Array): EventChanges | null {
  const [first] = streams;
  if (!first) return null;
  const { table } = first;
  if (streams.length === 1 && allAccepted(verdicts)) {
    return { table, rows: first.rows, seq: counted(first.length) };
  }
  const picks: { action: number; of: number; row: number }[] = [];
  streams.forEach((stream, of) => {
    for (let row = 0; row < stream.length; row++) {
      const action = stream.action[row] as number;
      if (action === tickItself || verdicts[action] === 0) picks.push({ action, of, row });
    }
  });
  if (picks.length === 0) return null;
  picks.sort((a, b) => a.action - b.action || a.of - b.of || a.row - b.row);
  const of = Uint32Array.from(picks, (pick) => pick.of);
  const rows = Uint32Array.from(picks, (pick) => pick.row);
  return {
    table,
    rows: {
      length: picks.length,
      vectors: table.columns.map((_, column) => {
        const sources = streams.map((stream) => {
          const vector = stream.rows.vectors[column];
          if (!vector) throw new RangeError('an append stream gives every declared column');
          return vector;
        });
        return pickRows(sources, { of, rows });
      }),
    },
    seq: counted(picks.length),
  };
}

function allAccepted(verdicts: Uint8Array): boolean {
  for (let action = 0; action < verdicts.length; action++) {
    if (verdicts[action] !== 0) return false;
  }
  return true;
}

function counted(length: number): Uint32Array {
  const numbers = new Uint32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = i;
  return numbers;
}
