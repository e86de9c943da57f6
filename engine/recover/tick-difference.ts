import type { Row } from '../model/types.ts';
import { type TickDetail, textOf } from './tick-detail.ts';

/** The first place where two ticks are not the same, and what each has there. */
export interface TickDifference {
  readonly what: 'action' | 'verdict' | 'row' | 'content';
  /**
   * The action that differs, or the one whose effect on the row does; null: an effect of the tick
   * itself, a title-wide row that was another before, or a difference in `content`.
   */
  readonly action: { readonly index: number; readonly actionId: string } | null;
  /** The action by number and id, or the row's table and key. */
  readonly place: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** Compares two ticks of different state hash that stand on the same state. */
export function firstDifference(left: TickDetail, right: TickDetail): TickDifference {
  return actionDifference(left, right) ?? rowDifference(left, right) ?? contentDifference;
}

/** Conditions or expected versions differ, without changing a verdict or a row. */
const contentDifference: TickDifference = {
  what: 'content',
  action: null,
  place: 'effects',
  left: null,
  right: null,
};

function actionDifference(left: TickDetail, right: TickDetail): TickDifference | null {
  const length = Math.max(left.actions.length, right.actions.length);
  for (let i = 0; i < length; i++) {
    const [mine, theirs] = [left.actions[i] ?? null, right.actions[i] ?? null];
    if (textOf(mine) === textOf(theirs)) continue;
    return { what: 'action', ...namedAction(i, mine ?? theirs), left: mine, right: theirs };
  }
  for (let i = 0; i < length; i++) {
    const [mine, theirs] = [left.verdicts[i] ?? null, right.verdicts[i] ?? null];
    if (mine === theirs) continue;
    const named = namedAction(i, left.actions[i] ?? null);
    return { what: 'verdict', ...named, left: mine, right: theirs };
  }
  return null;
}

function namedAction(index: number, row: Row | null): Pick<TickDifference, 'action' | 'place'> {
  const actionId = String(row?.actionId);
  return { action: { index, actionId }, place: `action ${index} (${actionId})` };
}

function rowDifference(left: TickDetail, right: TickDetail): TickDifference | null {
  const [mine, theirs] = [left, right].map(
    ({ rows }) => new Map(rows.map(({ place, row }) => [place, row])),
  );
  for (const { place } of [...left.rows, ...right.rows]) {
    const [leftRow, rightRow] = [mine?.get(place) ?? null, theirs?.get(place) ?? null];
    if (textOf(leftRow) === textOf(rightRow)) continue;
    const action = writerOf(place, left, right);
    return { what: 'row', action, place, left: leftRow, right: rightRow };
  }
  return null;
}

/** The action of the first effect on the row that differs. */
function writerOf(place: string, left: TickDetail, right: TickDetail): TickDifference['action'] {
  const [mine, theirs] = [left, right].map(({ writes }) => writes.get(place) ?? []);
  const length = Math.max(mine?.length ?? 0, theirs?.length ?? 0);
  for (let i = 0; i < length; i++) {
    const [one, other] = [mine?.[i], theirs?.[i]];
    if (one?.text === other?.text && one?.action === other?.action) continue;
    const index = one?.action ?? other?.action ?? null;
    if (index === null) return null;
    const row = left.actions[index] ?? right.actions[index] ?? null;
    return { index, actionId: String(row?.actionId) };
  }
  return null;
}
