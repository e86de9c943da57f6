import type { ChangeSet } from '../../engine/state/change-set.ts';
import { fabricate, type StateChange } from './fabricate.ts';

export interface Expected {
  readonly orders: number;
  readonly facts: number;
  readonly history: number;
  readonly units: number;
}

/** Tick `lsn` of a fixed match: which tables it touches depends on the LSN alone. */
export function tickOf(lsn: number): ChangeSet {
  return fabricate({
    lsn,
    sessionId: `s${lsn % 3}`,
    actions: Array.from({ length: actionCount(lsn) }, (_, i) => ({
      actionId: `${lsn}.${i}`,
      playerId: i % 4,
      kind: i % 2 === 0 ? 'MOVE' : 'ATTACK',
      unitIds: [i],
      x: i / 4,
      payload: null,
    })),
    events: factCount(lsn) === 0 ? {} : { facts: Array.from({ length: factCount(lsn) }, fact) },
    states: { units: unitChanges(lsn) },
  });
}

export function expectedRows(upTo: number): Expected {
  let orders = 0;
  let facts = 0;
  let history = 0;
  const units = new Set<number>();
  for (let lsn = 1; lsn <= upTo; lsn++) {
    orders += actionCount(lsn);
    facts += factCount(lsn);
    for (const { change, row } of unitChanges(lsn)) {
      history += 1;
      if (change === 'deleted') units.delete(row.unitId as number);
      else units.add(row.unitId as number);
    }
  }
  return { orders, facts, history, units: units.size };
}

const actionCount = (lsn: number) => (lsn % 4 === 0 ? 0 : 1 + (lsn % 50));
/** Seldom, so that most positions say nothing about this table. */
const factCount = (lsn: number) => (lsn % 11 === 0 ? lsn % 3 : 0);

/** Each tick writes its own unit and, every third tick, deletes the one before. */
function unitChanges(lsn: number): StateChange[] {
  const rowOf = (unitId: number) => ({ sessionId: 's', unitId, ownerId: lsn % 8, health: lsn });
  const changes: StateChange[] = [{ change: 'inserted', version: 1, row: rowOf(lsn) }];
  if (lsn % 3 === 0) changes.push({ change: 'deleted', version: 2, row: rowOf(lsn - 1) });
  return changes;
}

function fact(_: unknown, index: number) {
  return {
    flag: true,
    small: index,
    large: BigInt(index),
    huge: null,
    ratio: null,
    single: 0,
    name: null,
    mood: null,
    token: null,
    at: null,
    blob: null,
    maybe: null,
    tags: [],
  };
}
