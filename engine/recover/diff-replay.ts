import { EngineError } from '../errors.ts';
import { conflictCodes } from '../manifest/system-columns.ts';
import type { Row, Value } from '../manifest/types.ts';
import { lsnZero } from '../position.ts';
import { type ColumnBatch, valueAt } from '../tick/column-vector.ts';
import type { Settlement } from '../tick/projection.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import { type ReplayOptions, type ReplayStart, replayLog } from './replay-log.ts';
import { replayRecord } from './replay-record.ts';
import { ReplayWitness } from './replay-witness.ts';

/** The first place where two sessions of a log are not the same. */
export interface ReplayDifference {
  /** Of either session; null: it ended before. */
  readonly ticks: readonly [number | null, number | null];
  readonly what: 'tick' | 'action' | 'verdict' | 'row' | 'content';
  /** The action's index, or the row's table and key; what each side has. */
  readonly place: string;
  readonly left: unknown;
  readonly right: unknown;
}

interface PlayedTick {
  readonly tick: number | null;
  readonly hash: string;
}

interface TickDetail {
  readonly actions: readonly Row[];
  readonly verdicts: readonly string[];
  readonly rows: readonly { readonly place: string; readonly row: Row }[];
}

/**
 * Replays a log and compares the hash chains of two of its sessions, tick by tick; null when one
 * is the other's equal to the end. The first difference is named by action, verdict or row.
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
      return { ticks, what: 'tick', place: `the ${i + 1}th`, left: ticks[0], right: ticks[1] };
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
      if (count === index) details.set(sessionId, detailOf(batch, settlement));
    });
  });
  const none: TickDetail = { actions: [], verdicts: [], rows: [] };
  return [details.get(options.left) ?? none, details.get(options.right) ?? none];
}

function detailOf(
  batch: TickBatch,
  settlement: Extract<Settlement, { kind: 'applied' | 'duplicate' }>,
): TickDetail {
  const { changes } = settlement;
  const verdicts = [...(changes?.actions?.verdicts ?? [])];
  return {
    actions: rowsOf(batch.actions),
    verdicts: verdicts.map((code) => (code === 0 ? 'ACCEPTED' : (conflictCodes[code - 1] ?? ''))),
    rows: (changes?.states ?? []).flatMap(({ table, after, kinds, versions }) =>
      rowsOf(after).map((row, i) => {
        const key = table.key.filter((name) => name !== 'sessionId');
        const { sessionId: _session, ...rest } = row;
        return {
          place: `${table.name} (${key.map((name) => `${name} ${String(row[name])}`).join(', ')})`,
          row: { ...rest, version: versions[i] ?? 0, deleted: kinds[i] === 3 },
        };
      }),
    ),
  };
}

function rowsOf({ length, vectors }: ColumnBatch): Row[] {
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(vectors.map((vector) => [vector.column.name, valueAt(vector, i)])),
  );
}

function firstDifference(left: TickDetail, right: TickDetail): Omit<ReplayDifference, 'ticks'> {
  const actions = Math.max(left.actions.length, right.actions.length);
  for (let i = 0; i < actions; i++) {
    const [mine, theirs] = [left.actions[i] ?? null, right.actions[i] ?? null];
    if (textOf(mine) !== textOf(theirs)) {
      return { what: 'action', place: `action ${i}`, left: mine, right: theirs };
    }
  }
  for (let i = 0; i < actions; i++) {
    const [mine, theirs] = [left.verdicts[i] ?? null, right.verdicts[i] ?? null];
    if (mine !== theirs)
      return { what: 'verdict', place: `action ${i}`, left: mine, right: theirs };
  }
  const theirRows = new Map(right.rows.map(({ place, row }) => [place, row]));
  for (const { place, row } of left.rows) {
    const other = theirRows.get(place) ?? null;
    if (textOf(row) !== textOf(other)) return { what: 'row', place, left: row, right: other };
    theirRows.delete(place);
  }
  for (const [place, row] of theirRows) return { what: 'row', place, left: null, right: row };
  // Guards, expected versions or event rows differ, without changing a verdict or a row.
  return { what: 'content', place: 'effects', left: null, right: null };
}

function textOf(row: Row | null): string {
  return JSON.stringify(row, (_, value: Value | undefined) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}
