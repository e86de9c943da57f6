import type { ActionConflict, TickOutcome } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { Row, Value } from '../manifest/types.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { ActionNames } from './action-names.ts';
import { valueAt } from './column-vector.ts';
import type { ConflictReport } from './conflict-report.ts';
import type { Settlement } from './projection.ts';
import { type TickBatch, tickItself } from './tick-batch.ts';

/** What the caller is answered; throws what a refusal is. */
export function outcomeOf(
  settlement: Settlement,
  batch: TickBatch,
  names: ActionNames,
  state: StateReader,
): TickOutcome {
  if (settlement.kind === 'refused') {
    throw new EngineError(settlement.code, settlement.message, { details: settlement.details });
  }
  const { header } = batch;
  const conflicts = settlement.conflicts.map((report) => withName(report, names));
  let actionIds: string[] | null = null;
  return {
    lsn: settlement.lsn,
    sessionId: header.sessionId,
    tick: header.tick,
    duplicate: settlement.kind === 'duplicate',
    aborted: settlement.aborted,
    accepted: settlement.accepted,
    rejected: settlement.rejected,
    stateHash: Buffer.from(settlement.stateHash).toString('hex'),
    // A large tick rarely asks for its ids; strings are made when it does.
    get actionIds() {
      actionIds ??= idsOf(batch);
      return actionIds;
    },
    conflicts,
    tickConflict: settlement.tickConflict && withName(settlement.tickConflict, names),
    row: header.tick === null ? writtenRow(batch, state) : null,
  };
}

function withName(report: ConflictReport, names: ActionNames): ActionConflict {
  const { lastWriter } = report;
  if (!lastWriter) return { ...report, lastWriter: null };
  const { lsn, tick, action } = lastWriter;
  const actionId = action === null ? null : names.find(lsn, action);
  return { ...report, lastWriter: { lsn, tick, actionId } };
}

function idsOf(batch: TickBatch): string[] {
  const [ids] = batch.actions.vectors;
  return ids ? Array.from({ length: ids.length }, (_, i) => valueAt(ids, i) as string) : [];
}

/** The row that a direct write names, as it is now. */
function writtenRow(batch: TickBatch, state: StateReader): Row | null {
  const [stream] = batch.streams;
  if (stream?.table.kind !== 'state' || stream.action[0] !== tickItself) return null;
  const key: { [column: string]: Value } = {};
  for (const name of stream.table.key) {
    const vector = stream.rows.vectors.find((candidate) => candidate.column.name === name);
    key[name] = vector ? valueAt(vector, 0) : batch.header.sessionId;
  }
  return state.get(stream.table.name, key);
}
