import { EngineError } from '../model/errors.ts';
import { lsnZero } from '../model/position.ts';
import { type ReplayOptions, type ReplayStart, replayLog } from './replay-log.ts';
import { replayRecord } from './replay-record.ts';
import { ReplayWitness } from './replay-witness.ts';
import { type TickDetail, tickDetailOf } from './tick-detail.ts';
import { firstDifference, type TickDifference } from './tick-difference.ts';

/** The first place where two sessions of a log are not the same; `tick`: their numbers differ. */
export interface ReplayDifference extends Omit<TickDifference, 'what'> {
  /** The tick's number in either session; null: that session ended before. */
  readonly ticks: readonly [number | null, number | null];
  readonly what: TickDifference['what'] | 'tick';
}

interface PlayedTick {
  readonly tick: number | null;
  readonly hash: string;
}

/**
 * Replays a log and compares the hash chains of two of its sessions, tick by tick; null when one
 * is the other's equal to the end. The first difference is named by tick, action and row.
 * Throws `NOT_FOUND` for a session the log does not have, `UNAVAILABLE` when the beginning of the
 * log was dropped and the sessions differ already where it begins now, or when the replay is not the
 * run that wrote the log (`DivergenceError`): what it would compare was never committed.
 */
export async function diffReplay(
  options: ReplayOptions & { readonly left: string; readonly right: string },
): Promise<ReplayDifference | null> {
  const played = new Map<string, PlayedTick[]>([
    [options.left, []],
    [options.right, []],
  ]);
  let witness = new ReplayWitness(lsnZero);
  const { projection } = await replayLog(
    options,
    (state, record) => {
      replayRecord(state, record, witness, ({ header }, settlement) => {
        const ticks = played.get(header.sessionId);
        if (!ticks || settlement.kind !== 'applied' || settlement.aborted) return;
        const hash = Buffer.from(settlement.stateHash).toString('hex');
        ticks.push({ tick: header.tick, hash });
      });
    },
    (start) => {
      requireSameStart(start, options.left, options.right);
      witness = new ReplayWitness(start.lsn);
    },
  );
  for (const session of played.keys()) {
    if (projection.sessions.has(session)) continue;
    throw new EngineError('NOT_FOUND', `the log has no session "${session}"`);
  }
  const lefts = played.get(options.left) ?? [];
  const rights = played.get(options.right) ?? [];
  const length = Math.max(lefts.length, rights.length);
  for (let i = 0; i < length; i++) {
    const left = lefts[i];
    const right = rights[i];
    if (left?.hash === right?.hash) continue;
    const ticks = [left?.tick ?? null, right?.tick ?? null] as const;
    if (!left || !right || left.tick !== right.tick) {
      const place = `number ${i + 1} in order`;
      return { ticks, what: 'tick', action: null, place, left: ticks[0], right: ticks[1] };
    }
    const [mine, theirs] = await detailsOf(options, i);
    return { ticks, ...firstDifference(mine, theirs) };
  }
  return null;
}

/** Sessions that are the same where the replay begins can be compared from there on. */
function requireSameStart(start: ReplayStart, left: string, right: string): void {
  const [mine, theirs] = [left, right].map((name) => start.projection.sessions.get(name));
  const isSame =
    mine?.lastTick === theirs?.lastTick &&
    Buffer.compare(mine?.stateHash ?? none, theirs?.stateHash ?? none) === 0;
  if (isSame) return;
  throw new EngineError(
    'UNAVAILABLE',
    `the log begins with record ${start.lsn + 1}, what is older was dropped (--log-retain), and the ` +
      'sessions differ there already: compare them in a backup that reaches further back',
    { details: { logFirstLsn: start.lsn + 1, left, right } },
  );
}

const none = new Uint8Array(0);

async function detailsOf(
  options: ReplayOptions & { readonly left: string; readonly right: string },
  index: number,
): Promise<[TickDetail, TickDetail]> {
  const details = new Map<string, TickDetail>();
  const counts = new Map<string, number>();
  const { onTorn: _told, ...quiet } = options;
  await replayLog(quiet, (state, record) => {
    replayRecord(state, record, null, (batch, settlement) => {
      const { sessionId } = batch.header;
      if (sessionId !== options.left && sessionId !== options.right) return;
      if (settlement.kind !== 'applied' || settlement.aborted) return;
      const count = counts.get(sessionId) ?? 0;
      counts.set(sessionId, count + 1);
      if (count === index) details.set(sessionId, tickDetailOf(batch, settlement));
    });
  });
  const none: TickDetail = { actions: [], verdicts: [], rows: [], writes: new Map() };
  return [details.get(options.left) ?? none, details.get(options.right) ?? none];
}
