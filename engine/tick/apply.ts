import type { ConflictReport } from '../model/conflict.ts';
import type { Lsn } from '../model/position.ts';
import { type ConflictCode, conflictCodes } from '../model/system-columns.ts';
import type { TableDefinition } from '../model/types.ts';
import type { ActionChanges, ChangeSet, StateChanges } from '../state/change-set.ts';
import type { TableChanges } from '../state/table-changes.ts';
import type { TitleState } from '../state/title-state.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import { pickRows } from '../vectors/vector-rows.ts';
import { type RepeatReport, verdictsBefore } from './answered-once.ts';
import { reportConflict } from './conflict-report.ts';
import { type EffectRun, eventRun, stateRun } from './effect-run.ts';
import { type EffectSchedule, scheduleOf } from './effect-schedule.ts';
import { collectEvents } from './event-rows.ts';
import { hashTick } from './state-hash.ts';
import { type TickBatch, tickItself } from './tick-batch.ts';

/** Where a batch stands in the log. */
export interface BatchPlace {
  readonly lsn: Lsn;
  readonly committedAtMs: number;
  /** SHA-256 of the batch's content (`tick-record.ts`). */
  readonly digest: Uint8Array;
  /** The session's chain so far, 32 bytes. */
  readonly stateHash: Uint8Array;
  /** Actions that were settled before, in order: neither they nor their effects happen. */
  readonly repeats: readonly RepeatReport[];
}

export interface AppliedBatch {
  readonly aborted: boolean;
  /** How many of the actions settled here. */
  readonly accepted: number;
  readonly rejected: number;
  /** Byte i is that of action i: 0 accepted, 1 + the conflict's index, or that it is a repeat. */
  readonly verdicts: Uint8Array;
  /** In order of actions. */
  readonly conflicts: readonly ConflictReport[];
  readonly tickConflict: ConflictReport | null;
  /** Equals `place.stateHash` when aborted. */
  readonly stateHash: Uint8Array;
  /** Null when aborted: nothing changed. */
  readonly changes: ChangeSet | null;
}

/**
 * The heart: applies one batch to the state. A pure transition: no clock, no randomness, no
 * unordered iteration; the same state and batch give the same verdicts, change set and hash, byte
 * for byte. Order, fence and idempotency have been settled before (`admit-batch.ts`).
 *
 * Each action is a transaction: its effects run in order and all hold, or the first conflict names
 * the verdict and all are taken back. Later actions see the writes of earlier ones. The tick's own
 * effects run last; a conflict there, or any conflict under `ABORT_TICK`, takes everything back.
 */
export function applyBatch(state: TitleState, batch: TickBatch, place: BatchPlace): AppliedBatch {
  const { header } = batch;
  const sessionIdBytes = Buffer.from(header.sessionId, 'utf8');
  const sessionIdWord = state.pool.intern(sessionIdBytes, 0, sessionIdBytes.length);
  const runs = batch.streams.map((stream): EffectRun => {
    const changes = state.changes.get(stream.table.name);
    return changes ? stateRun(stream, changes, state, sessionIdWord) : eventRun(stream);
  });
  const touched = [...new Set(runs.flatMap((run) => (run.changes ? [run.changes] : [])))];
  const stamp = { lsn: place.lsn, committedAtMs: place.committedAtMs, tick: header.tick };
  for (const changes of touched) changes.beginTick(stamp);
  try {
    return runBatch(state.catalog.actionTable, batch, place, runs, touched);
  } finally {
    for (const run of runs) run.release();
    state.pool.release(sessionIdWord);
    state.scratch.reset();
  }
}

function runBatch(
  actionTable: TableDefinition,
  batch: TickBatch,
  place: BatchPlace,
  runs: readonly EffectRun[],
  touched: readonly TableChanges[],
): AppliedBatch {
  const { header, actions } = batch;
  const { repeats } = place;
  const verdicts = verdictsBefore(actions.length, repeats);
  const conflicts: ConflictReport[] = [];
  const cursors = new Int32Array(runs.length);
  const schedule = scheduleOf(runs, actions.length);
  // Actions without effects hold: there is nothing to run.
  for (let action = 0; runs.length > 0 && action < actions.length; action++) {
    if (verdicts[action] !== 0) {
      passOver(action, runs, schedule, cursors);
      continue;
    }
    const conflict = runAction(action, runs, schedule, cursors, touched, batch);
    if (!conflict) continue;
    verdicts[action] = verdictOf(conflict.code);
    conflicts.push(conflict);
  }
  const tickConflict = runAction(tickItself, runs, schedule, cursors, touched, batch);
  const rejected = conflicts.length;
  if (tickConflict || (rejected > 0 && header.onConflict === 'ABORT_TICK')) {
    for (const changes of touched) changes.undoTick();
    return {
      aborted: true,
      accepted: 0,
      rejected,
      verdicts,
      conflicts,
      tickConflict,
      stateHash: place.stateHash,
      changes: null,
    };
  }
  const accepted = actions.length - rejected - repeats.length;
  const changes: ChangeSet = {
    lsn: place.lsn,
    sessionId: header.sessionId,
    tick: header.tick,
    committedAtMs: place.committedAtMs,
    actions: actionChanges(actionTable, actions, verdicts, accepted, repeats),
    events: collectEvents(batch, verdicts),
    states: touched.map((c) => c.finish()).filter((c): c is StateChanges => c !== null),
  };
  const stateHash = hashTick(place.stateHash, place.digest, verdicts, changes);
  return {
    aborted: false,
    accepted,
    rejected,
    verdicts,
    conflicts,
    tickConflict: null,
    stateHash,
    changes,
  };
}

/** The rows of the actions that were settled here. */
function actionChanges(
  table: TableDefinition,
  actions: ColumnBatch,
  verdicts: Uint8Array,
  accepted: number,
  repeats: readonly RepeatReport[],
): ActionChanges | null {
  if (actions.length === repeats.length) return null;
  if (repeats.length === 0) return { table, rows: actions, verdicts, accepted };
  const repeated = new Set(repeats.map(({ action }) => action));
  const all = Uint32Array.from({ length: actions.length }, (_, action) => action);
  const rows = all.filter((action) => !repeated.has(action));
  const picks = { of: new Uint32Array(rows.length), rows };
  return {
    table,
    rows: {
      length: rows.length,
      vectors: actions.vectors.map((vector) => pickRows([vector], picks)),
    },
    verdicts: Uint8Array.from(rows, (action) => verdicts[action] as number),
    accepted,
  };
}

/** Leaves the effects of an action out. */
function passOver(
  action: number,
  runs: readonly EffectRun[],
  schedule: EffectSchedule,
  cursors: Int32Array,
): void {
  const last = schedule.starts[action + 1] as number;
  for (let entry = schedule.starts[action] as number; entry < last; entry++) {
    const i = schedule.entries[entry] as number;
    const { stream } = runs[i] as EffectRun;
    let row = cursors[i] as number;
    while (row < stream.length && stream.action[row] === action) row++;
    cursors[i] = row;
  }
}

/** Runs the effects of one action, or of the tick itself; null when all hold. */
function runAction(
  action: number,
  runs: readonly EffectRun[],
  schedule: EffectSchedule,
  cursors: Int32Array,
  touched: readonly TableChanges[],
  batch: TickBatch,
): ConflictReport | null {
  const slot = action === tickItself ? batch.actions.length : action;
  const first = schedule.starts[slot] as number;
  const last = schedule.starts[slot + 1] as number;
  let effects = 0;
  let requiringAdjust = false;
  for (let entry = first; entry < last; entry++) {
    const i = schedule.entries[entry] as number;
    const { stream } = runs[i] as EffectRun;
    let end = cursors[i] as number;
    while (end < stream.length && stream.action[end] === action) end++;
    effects += end - (cursors[i] as number);
    if (stream.op === 'adjust' && stream.require) requiringAdjust = true;
  }
  if (effects === 0) return null;
  // A single effect checks before it writes, but for an adjust under a `require`, which sees the result.
  const undoable = effects > 1 || requiringAdjust;
  for (const changes of touched) changes.beginAction(action, undoable);
  let conflict: ConflictReport | null = null;
  let ordinal = 0;
  for (let entry = first; entry < last; entry++) {
    const i = schedule.entries[entry] as number;
    const run = runs[i] as EffectRun;
    const { stream } = run;
    let row = cursors[i] as number;
    for (; row < stream.length && stream.action[row] === action; row++, ordinal++) {
      if (conflict) continue;
      const code = run.run(row);
      if (code) conflict = reportConflict(code, action, ordinal, run, row, batch.header.sessionId);
    }
    cursors[i] = row;
  }
  for (const changes of touched) {
    if (conflict && undoable) changes.undoTo(0);
    changes.keepAction();
  }
  return conflict;
}

function verdictOf(code: ConflictCode): number {
  return 1 + conflictCodes.indexOf(code);
}
