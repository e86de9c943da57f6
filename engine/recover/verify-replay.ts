import { lsnZero } from '../model/position.ts';
import { type ReplayOptions, replayLog } from './replay-log.ts';
import { replayRecord } from './replay-record.ts';
import { type Divergence, DivergenceError, ReplayWitness } from './replay-witness.ts';

export interface VerifyReport {
  readonly sessions: readonly {
    readonly session: string;
    readonly ticks: number;
    readonly lastTick: number | null;
    readonly stateHash: string;
  }[];
  /** The first record replayed; what lies before it was dropped, and is taken from a checkpoint. */
  readonly fromLsn: number;
  readonly records: number;
  /** Ticks whose replayed hash a later record vouches for. */
  readonly witnessed: number;
  readonly divergence: Divergence | null;
}

/** Replays a log from the first record it holds and compares every tick with what the log witnesses of it. */
export async function verifyReplay(
  options: ReplayOptions & { readonly session: string | null },
): Promise<VerifyReport> {
  let witness = new ReplayWitness(lsnZero);
  const ticks = new Map<string, number>();
  let divergence: Divergence | null = null;
  let records = 0;
  const { projection, lsn } = await replayLog(
    options,
    (state, record) => {
      if (divergence) return;
      try {
        replayRecord(state, record, witness, ({ header }, settlement) => {
          if (settlement.kind !== 'applied' || settlement.aborted) return;
          ticks.set(header.sessionId, (ticks.get(header.sessionId) ?? 0) + 1);
        });
        records++;
      } catch (error) {
        if (!(error instanceof DivergenceError)) throw error;
        divergence = error.divergence;
      }
    },
    (start) => {
      witness = new ReplayWitness(start.lsn);
    },
  );
  const sessions = [...projection.sessions.values()]
    .filter(({ sessionId }) => options.session === null || options.session === sessionId)
    .map(({ sessionId, lastTick, stateHash }) => ({
      session: sessionId,
      ticks: ticks.get(sessionId) ?? 0,
      lastTick,
      stateHash: Buffer.from(stateHash).toString('hex'),
    }));
  return { sessions, fromLsn: lsn + 1, records, witnessed: witness.witnessed, divergence };
}
