import type { LogRecord } from '../log/commit-log.ts';
import { type ChangeSet, emptyChanges } from '../tick/change-set.ts';
import { changesOf, type Projection } from '../tick/projection.ts';
import { decodeHeader, decodeTick, digestOf } from '../tick/tick-record.ts';

/** Folds one record of the log into rows and sessions; tells what it changed. */
export function replayRecord(projection: Projection, record: LogRecord): ChangeSet {
  const { lsn, payload } = record;
  const { header, end } = decodeHeader(payload);
  if (header.type === 'session') {
    projection.settleSession(lsn, header);
    return emptyChanges(lsn, header.session, header.at);
  }
  const decoded = decodeTick(projection.state.catalog, header, payload, end);
  const { batch } = decoded;
  const logged = { lsn, committedAtMs: header.at, digest: digestOf(decoded), batch };
  return changesOf(projection.settle(logged), logged);
}
