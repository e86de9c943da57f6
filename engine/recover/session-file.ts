import { plainColumn } from '../model/plain-column.ts';
import type { ColumnDefinition, Value } from '../model/types.ts';
import type { AnswerMemory } from '../state/answer-memory.ts';
import type { SessionState } from '../state/session.ts';
import { type Forgotten, type LedgerEntry, TickLedger } from '../state/tick-ledger.ts';
import { type ColumnBatch, type ColumnVector, valueAt } from '../vectors/column-vector.ts';
import { VectorBuilder } from '../vectors/vector-builder.ts';

export const sessionColumns: readonly ColumnDefinition[] = [
  plainColumn('sessionId', 'string'),
  plainColumn('fence', 'u32'),
  plainColumn('lastTick', 'u32', true),
  plainColumn('abortedTick', 'u32', true),
  plainColumn('lsn', 'f64'),
  plainColumn('stateHash', 'bytes'),
  plainColumn('open', 'bool'),
];

/** Sessions without their ledgers, gathered piece by piece into one batch. */
export class SessionRows {
  readonly #rows = new Rows(sessionColumns);

  add(session: SessionState): void {
    const { sessionId, fence, lastTick, abortedTick, lsn, stateHash, open } = session;
    this.#rows.push([sessionId, fence, lastTick, abortedTick, lsn, stateHash, open]);
  }

  build(): ColumnBatch {
    return this.#rows.build();
  }
}

/** `memory` counts what their ledgers will take. */
export function decodeSessions(
  vectors: readonly ColumnVector[],
  memory: AnswerMemory,
): SessionState[] {
  return rowsOf(vectors).map(([id, fence, lastTick, abortedTick, lsn, stateHash, open]) => ({
    sessionId: id as string,
    fence: fence as number,
    lastTick: lastTick as number | null,
    abortedTick: abortedTick as number | null,
    lsn: lsn as number,
    stateHash: stateHash as Uint8Array,
    open: open as boolean,
    ledger: new TickLedger(memory),
  }));
}

export const forgottenColumns: readonly ColumnDefinition[] = [
  plainColumn('sessionId', 'string'),
  plainColumn('ticksLsn', 'f64'),
  plainColumn('keysLsn', 'f64'),
];

/** What ledgers have forgotten, gathered piece by piece into one batch. */
export class ForgottenRows {
  readonly #rows = new Rows(forgottenColumns);

  add(sessionId: string, { ticksLsn, keysLsn }: Forgotten): void {
    this.#rows.push([sessionId, ticksLsn, keysLsn]);
  }

  build(): ColumnBatch {
    return this.#rows.build();
  }
}

/** Before the ledgers themselves are loaded. */
export function loadForgotten(
  sessions: ReadonlyMap<string, SessionState>,
  vectors: readonly ColumnVector[],
): void {
  for (const [sessionId, ticksLsn, keysLsn] of rowsOf(vectors)) {
    const forgotten = { ticksLsn: ticksLsn as number, keysLsn: keysLsn as number };
    sessions.get(sessionId as string)?.ledger.resume(forgotten);
  }
}

export const ledgerColumns: readonly ColumnDefinition[] = [
  plainColumn('sessionId', 'string'),
  plainColumn('key', 'string', true),
  plainColumn('tick', 'u32', true),
  plainColumn('lsn', 'f64'),
  plainColumn('digest', 'bytes'),
  plainColumn('stateHash', 'bytes'),
  plainColumn('accepted', 'u32'),
  plainColumn('rejected', 'u32'),
  plainColumn('conflicts', 'bytes', true),
];

/** Ledger entries gathered piece by piece into one batch. */
export class LedgerRows {
  readonly #rows = new Rows(ledgerColumns);

  add(sessionId: string, key: string | null, entry: LedgerEntry): void {
    const { tick, lsn, digest, stateHash, accepted, rejected, conflicts } = entry;
    this.#rows.push([sessionId, key, tick, lsn, digest, stateHash, accepted, rejected, conflicts]);
  }

  build(): ColumnBatch {
    return this.#rows.build();
  }
}

export function loadLedger(
  sessions: ReadonlyMap<string, SessionState>,
  vectors: readonly ColumnVector[],
): void {
  for (const row of rowsOf(vectors)) {
    const [sessionId, key, tick, lsn, digest, stateHash, accepted, rejected, conflicts] = row;
    sessions.get(sessionId as string)?.ledger.restore(key as string | null, {
      tick: tick as number | null,
      lsn: lsn as number,
      digest: digest as Uint8Array,
      stateHash: stateHash as Uint8Array,
      accepted: accepted as number,
      rejected: rejected as number,
      conflicts: conflicts as Uint8Array | null,
    });
  }
}

/** A batch in the making, row by row. */
class Rows {
  readonly #columns: readonly {
    readonly builder: VectorBuilder;
    /** What errors call a value of it. */
    readonly place: () => string;
  }[];
  #length = 0;

  constructor(columns: readonly ColumnDefinition[]) {
    this.#columns = columns.map((definition) => ({
      builder: new VectorBuilder(definition),
      place: () => definition.name,
    }));
  }

  push(values: readonly Value[]): void {
    for (const [i, { builder, place }] of this.#columns.entries()) builder.push(values[i], place);
    this.#length++;
  }

  build(): ColumnBatch {
    return { length: this.#length, vectors: this.#columns.map(({ builder }) => builder.build()) };
  }
}

function rowsOf(vectors: readonly ColumnVector[]): Value[][] {
  const length = vectors[0]?.length ?? 0;
  return Array.from({ length }, (_, row) => vectors.map((vector) => valueAt(vector, row)));
}
