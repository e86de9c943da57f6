import type { SessionCapture } from '../state/session-capture.ts';
import { eachInTurn } from '../time/each-in-turn.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import { ForgottenRows, LedgerRows, SessionRows } from './session-file.ts';

/** So many sessions, or ledger entries, are gathered in one piece of work: well below 1 ms. */
const slice = 64;

/** What a checkpoint says of sessions. */
export interface GatheredSessions {
  readonly sessions: ColumnBatch;
  /** What their ledgers took in within the range of the capture. */
  readonly answers: ColumnBatch;
  /** What of the answers, those of checkpoints before included, is no longer known. */
  readonly forgotten: ColumnBatch;
}

/** Gathers what is captured piece by piece, while ticks go on. */
export async function gatherSessions(capture: SessionCapture): Promise<GatheredSessions> {
  const rows = {
    sessions: new SessionRows(),
    answers: new LedgerRows(),
    forgotten: new ForgottenRows(),
  };
  await eachInTurn(pieces(capture, rows), 1, async () => {});
  return {
    sessions: rows.sessions.build(),
    answers: rows.answers.build(),
    forgotten: rows.forgotten.build(),
  };
}

interface GatheredRows {
  readonly sessions: SessionRows;
  readonly answers: LedgerRows;
  readonly forgotten: ForgottenRows;
}

/** A step of it is a piece of the work. */
function* pieces(capture: SessionCapture, rows: GatheredRows): Generator<void> {
  const { afterLsn, lsn } = capture.range;
  let inPiece = 0;
  for (const session of capture.each()) {
    const { sessionId, ledger } = session;
    rows.sessions.add(session);
    const { forgotten } = ledger;
    if (forgotten.ticksLsn > 0 || forgotten.keysLsn > 0) rows.forgotten.add(sessionId, forgotten);
    if (++inPiece % slice === 0) yield;
    // No record of it, so no answer either.
    if (session.lsn <= afterLsn) continue;
    for (let from = afterLsn; ; ) {
      const entries = ledger.entriesBetween(from, lsn, slice);
      for (const entry of entries) rows.answers.add(sessionId, null, entry);
      const last = entries.at(-1);
      if (!last) break;
      from = last.lsn;
      yield;
    }
    for (const [key, entry] of ledger.namedEntries()) {
      if (entry.lsn <= afterLsn || entry.lsn > lsn) continue;
      rows.answers.add(sessionId, key, entry);
      if (++inPiece % slice === 0) yield;
    }
  }
}
