import { stepUnits, type Work } from '../govern/work.ts';
import { EngineError } from '../model/errors.ts';
import { plainColumn } from '../model/plain-column.ts';
import type { ColumnDefinition, Row, Value } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { rowUnits } from '../query/condition-units.ts';
import {
  compareNullsLast,
  cursorValue,
  type OrderSign,
  orderValue,
} from '../query/order-values.ts';
import { decodeCursor, encodeCursor, type ListIdentity } from '../query/page-cursor.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { type SessionInfo, type SessionState, sessionInfo } from './session.ts';
import type { OrderBy } from './state-reader.ts';

/** What sessions are listed by, as columns: conditions may name all but `position`. */
export const sessionColumns: readonly ColumnDefinition[] = [
  plainColumn('sessionId', 'string'),
  plainColumn('fence', 'u32'),
  plainColumn('lastTick', 'u32', true),
  plainColumn('open', 'bool'),
  plainColumn('position', 'string'),
];

export interface SessionListRequest {
  readonly where: Condition | null;
  readonly orderBy: readonly OrderBy[];
  readonly first: number;
  /** The `endCursor` of the page before; null: from the start. */
  readonly after: string | null;
}

export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  readonly hasNextPage: boolean;
  /** Where to resume after `sessions[index]`. */
  cursorAt(index: number): string;
}

interface Term {
  readonly column: ColumnDefinition;
  readonly sign: OrderSign;
}

interface Entry {
  readonly session: SessionInfo;
  readonly values: readonly Value[];
}

/** What taking a session into the page costs, beside finding its place. */
const takenSessionUnits = 64;

/**
 * A page of a title's sessions, ordered by `orderBy` and then by name; a page goes on where the one
 * before ended, whatever has become of the session it ended with. Each session is as it was when it
 * was looked at: not before the position at which the work began.
 */
export function* listSessions(
  sessions: ReadonlyMap<string, SessionState>,
  { where, orderBy, first, after }: SessionListRequest,
): Work<SessionPage> {
  const terms = termsOf(orderBy);
  const list: ListIdentity = {
    table: 'sessions',
    order: terms.map(({ column, sign }) => ({ column, direction: sign === 1 ? 'ASC' : 'DESC' })),
    where,
  };
  const start = after === null ? null : startOf(list, terms, after);
  const matches = rowPredicate(where);
  const unitsPerSession = rowUnits(where) + terms.length;
  /** The best so far in order, one more than the page has. */
  const best: Entry[] = [];
  let units = 0;
  for (const session of sessions.values()) {
    units += unitsPerSession;
    if (matches(rowOf(session))) {
      const values = terms.map(({ column }) => orderedValue(session, column.name));
      const isBehind = start === null || compare(terms, values, start) > 0;
      const place = isBehind ? placeOf(best, terms, values) : first + 1;
      if (place <= first) {
        best.splice(place, 0, { session: sessionInfo(session), values });
        if (best.length > first + 1) best.pop();
        units += takenSessionUnits;
      }
    }
    if (units < stepUnits) continue;
    yield units;
    units = 0;
  }
  const shown = best.slice(0, first);
  return {
    sessions: shown.map(({ session }) => session),
    hasNextPage: best.length > first,
    cursorAt: (index) =>
      encodeCursor(
        list,
        terms.map(({ column }, i) => cursorValue(column, shown[index]?.values[i] ?? null)),
      ),
  };
}

/** Ends with the name, which makes the order one. */
function termsOf(orderBy: readonly OrderBy[]): Term[] {
  return [...orderBy, { column: 'sessionId', direction: 'ASC' } as const].map((order) => {
    const named = sessionColumns.find(({ name }) => name === order.column);
    if (!named) throw new EngineError('BAD_USER_INPUT', `sessions have no "${order.column}"`);
    return { column: named, sign: order.direction === 'ASC' ? 1 : -1 };
  });
}

function startOf(list: ListIdentity, terms: readonly Term[], after: string): Value[] {
  return decodeCursor(list, after).map((value, i) => orderValue((terms[i] as Term).column, value));
}

/** What conditions see. */
function rowOf({ sessionId, fence, lastTick, open }: SessionState): Row {
  return { sessionId, fence, lastTick, open };
}

function orderedValue(session: SessionState, name: string): Value {
  return name === 'position' ? session.lsn : (rowOf(session)[name] as Value);
}

/** The place for `values` in sorted entries: behind all that are not after them. */
function placeOf(entries: readonly Entry[], terms: readonly Term[], values: readonly Value[]) {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(terms, (entries[middle] as Entry).values, values) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(terms: readonly Term[], left: readonly Value[], right: readonly Value[]): number {
  for (let i = 0; i < terms.length; i++) {
    const order = compareNullsLast(left[i] as Value, right[i] as Value, (terms[i] as Term).sign);
    if (order !== 0) return order;
  }
  return 0;
}
