import type { LogRecord } from '../log/commit-log.ts';
import { type ChangeSet, emptyChanges } from '../state/change-set.ts';
import { changesOf, type Projection, type Settlement } from '../tick/projection.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import { decodeHeader, decodeTick, digestOf } from '../tick/tick-record.ts';
import { DivergenceError, type ReplayWitness } from './replay-witness.ts';

/**
 * Folds one record of the log into rows and sessions; tells what it changed. With a witness, throws
 * `UNAVAILABLE` when the replay diverges from the run that wrote the log.
 */
export function replayRecord(
  projection: Projection,
  record: LogRecord,
  witness: ReplayWitness | null = null,
  onTick: ((batch: TickBatch, settlement: Settlement) => void) | null = null,
): ChangeSet {
  const { lsn, payload } = record;
  const { header, end } = decodeHeader(payload);
  if (header.type === 'session') {
    projection.settleSession(lsn, header);
    return emptyChanges(lsn, header.session, header.at);
  }
  const divergence = witness?.check(header.seen ?? null);
  if (divergence) throw new DivergenceError(divergence);
  const decoded = decodeTick(projection.state.catalog, header, payload, end);
  const { batch } = decoded;
  const { at: committedAtMs, by = null } = header;
  const logged = { lsn, committedAtMs, digest: digestOf(decoded), batch, by };
  const settlement = projection.settle(logged);
  const isApplied = settlement.kind === 'applied' && !settlement.aborted;
  witness?.remember(lsn, isApplied ? settlement.stateHash : null, header.session, header.tick);
  onTick?.(batch, settlement);
  return changesOf(settlement, logged);
}
