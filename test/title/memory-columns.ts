import { createHash } from 'node:crypto';
import type { ColumnStore } from '../../engine/columns/column-store.ts';
import { asLsn, type Lsn } from '../../engine/model/position.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import type { ColumnBatch } from '../../engine/vectors/column-vector.ts';
import { vectorBuffers } from '../../engine/vectors/vector-bytes.ts';

/** What outlives the process: digests of the change sets, by position. */
export class ColumnsOnDisk {
  readonly changes = new Map<number, string>();
  coveredLsn = 0;
  /** Change sets offered again that differed from the first time. */
  readonly differences: number[] = [];
}

/** A column store at its port: covers at once what it is offered, and answers no queries. */
export function memoryColumns(disk: ColumnsOnDisk): ColumnStore {
  const store = {
    get coveredLsn(): Lsn {
      return asLsn(disk.coveredLsn);
    },
    get neededFromLsn(): Lsn {
      return asLsn(disk.coveredLsn + 1);
    },
    get heldLsn(): Lsn {
      return asLsn(disk.coveredLsn);
    },
    outOfRoom: null,
    async rewind(lsn: Lsn): Promise<void> {
      disk.coveredLsn = lsn;
    },
    async resume(lsn: Lsn): Promise<string | null> {
      return lsn <= disk.coveredLsn ? null : 'it keeps nothing';
    },
    cutBacklog: () => ({ keep: async () => [] }),
    offer(changes: ChangeSet): void {
      const digest = digestOf(changes);
      const known = disk.changes.get(changes.lsn);
      if (known === undefined) disk.changes.set(changes.lsn, digest);
      else if (known !== digest) disk.differences.push(changes.lsn);
    },
    recovered(): void {},
    advance(lsn: Lsn): void {
      disk.coveredLsn = Math.max(disk.coveredLsn, lsn);
    },
    waitForCovered: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return store as unknown as ColumnStore;
}

/** Every byte of a change set. */
export function digestOf(changes: ChangeSet): string {
  const hash = createHash('sha256');
  const add = (...parts: (Uint8Array | string | number | null)[]) => {
    for (const part of parts) hash.update(part instanceof Uint8Array ? part : `${part}\0`);
  };
  const addBatch = (batch: ColumnBatch) => {
    for (const vector of batch.vectors) {
      add(vector.column.name);
      for (const buffer of vectorBuffers(vector)) add(buffer.length, buffer);
    }
  };
  const { lsn, sessionId, tick, committedAtMs, actions, events, states } = changes;
  add(lsn, sessionId, tick, committedAtMs);
  if (actions) {
    add(actions.table.name, actions.accepted, actions.verdicts);
    addBatch(actions.rows);
  }
  for (const event of events) {
    add(event.table.name, event.rows.length, event.seq.join());
    addBatch(event.rows);
  }
  for (const state of states) {
    add(state.table.name, state.length, state.kinds, state.versions.join());
    addBatch(state.after);
    addBatch(state.before());
  }
  return hash.digest('hex');
}
