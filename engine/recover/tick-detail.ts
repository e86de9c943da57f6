import type { Row, TableDefinition, Value } from '../model/types.ts';
import type { Settlement } from '../tick/projection.ts';
import { type EffectStream, type TickBatch, tickItself } from '../tick/tick-batch.ts';
import { type ColumnBatch, valueAt } from '../vectors/column-vector.ts';

/** A row that a tick changed or appended. */
export interface DetailedRow {
  /** The row's table and key; for an event its number among the tick's rows of the table. */
  readonly place: string;
  readonly row: Row;
}

/** One effect that held, on one row. */
export interface DetailedWrite {
  /** The action's number in the tick; null: the effect is the tick's own. */
  readonly action: number | null;
  readonly text: string;
}

/** What one applied tick asked and what came of it, to be compared with another's. */
export interface TickDetail {
  readonly actions: readonly Row[];
  /** What became of each action: `ACCEPTED`, the code of its conflict, or that it was settled before. */
  readonly verdicts: readonly string[];
  readonly rows: readonly DetailedRow[];
  /** The effects that held, in the order in which they ran, by the place of their row. */
  readonly writes: ReadonlyMap<string, readonly DetailedWrite[]>;
}

type SettledTick = Exclude<Settlement, { readonly kind: 'refused' }>;

export function tickDetailOf(batch: TickBatch, settlement: SettledTick): TickDetail {
  const { changes } = settlement;
  const verdicts = changes === null ? [] : verdictsOf(batch.actions.length, settlement);
  const accepted = verdicts.map((verdict) => verdict === 'ACCEPTED');
  const states = (changes?.states ?? []).flatMap(({ table, after, kinds, versions }) =>
    rowsOf(after).map((row, i) => {
      const { sessionId: _session, ...rest } = row;
      const version = versions[i] ?? 0;
      return { place: placeOf(table, row), row: { ...rest, version, deleted: kinds[i] === 3 } };
    }),
  );
  const events = (changes?.events ?? []).flatMap(({ table, rows, seq }) =>
    rowsOf(rows).map((row, i) => ({ place: eventPlace(table, seq[i] ?? 0), row })),
  );
  return {
    actions: rowsOf(batch.actions),
    verdicts,
    rows: [...states, ...events],
    writes: writesOf(batch.streams, accepted),
  };
}

function verdictsOf(actions: number, { conflicts, repeats }: SettledTick): string[] {
  const verdicts = new Array<string>(actions).fill('ACCEPTED');
  for (const { action, code } of conflicts) verdicts[action] = code;
  for (const { action, sameContent } of repeats) {
    verdicts[action] = sameContent ? 'SETTLED BEFORE' : 'IDEMPOTENCY_MISMATCH';
  }
  return verdicts;
}

export function textOf(row: Row | null): string {
  return JSON.stringify(row, (_, value: Value | undefined) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}

function writesOf(
  streams: readonly EffectStream[],
  accepted: readonly boolean[],
): Map<string, DetailedWrite[]> {
  const held = streams.flatMap(({ table, op, rows, action }) =>
    rowsOf(rows).map((row, i) => ({ table, op, row, action: action[i] ?? tickItself })),
  );
  const writes = new Map<string, DetailedWrite[]>();
  const appended = new Map<string, number>();
  // By action, and stable: the streams of one action follow each other already.
  for (const { table, op, row, action } of held.sort((a, b) => a.action - b.action)) {
    if (action !== tickItself && !accepted[action]) continue;
    const number = appended.get(table.name) ?? 0;
    if (op === 'append') appended.set(table.name, number + 1);
    const place = op === 'append' ? eventPlace(table, number) : placeOf(table, row);
    const write = { action: action === tickItself ? null : action, text: `${op} ${textOf(row)}` };
    writes.set(place, [...(writes.get(place) ?? []), write]);
  }
  return writes;
}

function placeOf(table: TableDefinition, row: Row): string {
  const key = table.key.filter((name) => name !== 'sessionId');
  return `${table.name} (${key.map((name) => `${name} ${String(row[name])}`).join(', ')})`;
}

function eventPlace(table: TableDefinition, seq: number): string {
  return `${table.name} (seq ${seq})`;
}

function rowsOf({ length, vectors }: ColumnBatch): Row[] {
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(vectors.map((vector) => [vector.column.name, valueAt(vector, i)])),
  );
}
