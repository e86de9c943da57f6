import type { Row } from '../model/types.ts';
import type { StateTable } from '../state/state-table.ts';

/** What canary mode checks. The room's README says which test plants a fault for each. */
export const invariants = {
  changes: 'a changed row is under its key and in its indexes as its change set says',
  slots: 'a slot holds a row or is free, all zero and free once, and counts agree',
  stamps: 'a row has a position up to the newest record, and its page knows of it',
  keys: 'every row is found under its key, and every entry of the key index is a row',
  indexes: 'every row is once in every index, under its values, and nothing else is',
  cells: 'a null is zero words and a cleared bit, and a value is one its column may have',
  strings: 'a string has one id, as many references as there are holders, and lies in its memory',
  memory: 'the bytes counted for live rows and for answers are those that are allocated',
  positions: 'records are applied one after the other, once durable, and views are where rows are',
  sessions: 'a record changes no session but its own, and ticks and fences only rise',
  chain:
    'the chain and the ledger say what content, verdicts and changed rows come to, and a ledger forgets what is past its window',
  verdicts:
    'an action that is answered once has the verdict it was answered first, and ids are forgotten past their window alone',
  views: 'a view is what its rows come to one by one',
  reads: 'whatever a title holds can be read',
} as const;

export type Invariant = keyof typeof invariants;

/** Where an invariant is broken: a table, index, view or session, and the key there, if any. */
export interface BrokenPlace {
  readonly place: string;
  /** Holds values of the title: for the server's log, not for callers. */
  readonly key: string | null;
}

/** A bug, found by canary mode. `message` has everything; it is for whoever looks for the bug. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
  readonly invariant: Invariant;
  readonly place: string;
  readonly key: string | null;

  constructor(invariant: Invariant, where: BrokenPlace, complaint: string, cause?: unknown) {
    const at = where.key === null ? where.place : `${where.place} ${where.key}`;
    super(
      `${at} ${complaint}, but ${invariants[invariant]} (invariant "${invariant}")`,
      cause === undefined ? undefined : { cause },
    );
    this.invariant = invariant;
    this.place = where.place;
    this.key = where.key;
  }
}

/** A row of a table that its slot names. What is broken may be unreadable: then the slot is the name. */
export function rowPlace(table: StateTable, slot: number): BrokenPlace {
  const place = table.table.name;
  try {
    const row = table.row(slot);
    const key = Object.fromEntries(table.table.key.map((name) => [name, row[name] ?? null]));
    return { place, key: keyText(key) };
  } catch {
    return { place, key: `slot=${slot}` };
  }
}

export function keyText(key: Row): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}
