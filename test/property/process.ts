import { Canary } from '../../engine/canary/canary.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { TickInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type {
  IndexDefinition,
  Row,
  TableDefinition,
  TitleManifest,
} from '../../engine/model/types.ts';
import { operandColumn } from '../../engine/query/condition-form.ts';
import { replayRecord } from '../../engine/recover/replay-record.ts';
import { type ChangeSet, emptyChanges } from '../../engine/state/change-set.ts';
import { columnWords, releaseWords } from '../../engine/state/column-words.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import type { StateTable } from '../../engine/state/state-table.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import {
  changesOf,
  type LoggedBatch,
  Projection,
  type Settlement,
} from '../../engine/tick/projection.ts';
import {
  encodeHeader,
  encodeTick,
  type SessionRecordHeader,
} from '../../engine/tick/tick-record.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';

/** A log in memory and what a process makes of it; `restart` forgets all but the log. */
export class Process {
  readonly catalog: Catalog;
  readonly #log: Uint8Array[] = [];
  #projection: Projection;
  #views: OwnedViewEngine;
  #canary: Canary;

  constructor(manifest: TitleManifest) {
    this.catalog = new Catalog(manifest);
    this.#projection = new Projection(new TitleState(this.catalog));
    this.#views = this.#emptyViews();
    this.#canary = this.#newCanary();
  }

  get sessions() {
    return [...this.#projection.sessions.values()].map(({ ledger, ...session }) => {
      const stateHash = Buffer.from(session.stateHash).toString('hex');
      return { ...session, stateHash, answers: ledger.size };
    });
  }

  get live(): LiveState {
    return new LiveState(this.#projection.state);
  }

  open(session: string, takeOver: boolean): void {
    this.#settleSession({ session, verb: takeOver ? 'takeOver' : 'open', fence: null });
  }

  /** False: refused. */
  close(session: string, fence: number | null): boolean {
    return this.#settleSession({ session, verb: 'close', fence }) !== null;
  }

  commit(input: TickInput): { readonly settlement: Settlement; readonly digest: string } {
    const batch = buildTickBatch(this.catalog, input);
    const { record, digest } = encodeTick(batch);
    const settle = () => {
      const lsn = this.#append(record(1_000, null));
      const logged = { lsn, committedAtMs: 1_000, digest, batch };
      const settled = this.#projection.settle(logged);
      this.#check(changesOf(settled, logged), logged, settled);
      return settled;
    };
    const settlement = this.#projection.settleEarly(batch, digest) ?? settle();
    return { settlement, digest: Buffer.from(digest).toString('hex') };
  }

  restart(): void {
    this.#projection = new Projection(new TitleState(this.catalog));
    this.#views = this.#emptyViews();
    this.#log.forEach((payload, i) => {
      this.#views.apply(replayRecord(this.#projection, { lsn: (i + 1) as Lsn, payload }));
    });
    this.#canary = this.#newCanary();
  }

  /** What a restart must bring back, positions and times included. */
  everything() {
    const { sessions } = this;
    return { sessions, rows: this.catalog.stateTables.map((table) => this.rows(table)) };
  }

  /** All rows by a scan, with their system columns. */
  rows(table: TableDefinition): Row[] {
    const state = this.#table(table);
    return [...state.slots()].map((slot) => state.row(slot));
  }

  /**
   * What an index leads to before anything is filtered: at most one more than there are rows, so
   * that a list which has become a ring ends.
   */
  rowsUnder(table: TableDefinition, { name }: IndexDefinition, values: Row): Row[] {
    const state = this.#table(table);
    const index = state.indexes.find((candidate) => candidate.name === name);
    if (!index) throw new Error(`no index ${name}`);
    const columns = index.columns.map(({ column }) => {
      const builder = new VectorBuilder(operandColumn(column));
      builder.push(values[column.name], () => column.name);
      return columnWords(builder.build(), state.pool);
    });
    const rows: Row[] = [];
    for (const slot of index.slots(columns.flatMap(({ words }) => [...words]))) {
      rows.push(state.row(slot));
      if (rows.length > state.rowCount) break;
    }
    for (const words of columns) releaseWords(words, state.pool);
    return rows;
  }

  #table(table: TableDefinition): StateTable {
    const state = this.#projection.state.tables.get(table.name);
    if (!state) throw new Error(`no table ${table.name}`);
    return state;
  }

  #settleSession(header: Pick<SessionRecordHeader, 'session' | 'verb' | 'fence'>) {
    const record: SessionRecordHeader = { type: 'session', at: 7, ...header };
    const lsn = this.#append(encodeHeader(record));
    const settled = this.#projection.settleSession(lsn, record);
    this.#check(emptyChanges(lsn, record.session, record.at), null, null);
    return settled;
  }

  /** As the engine does in canary mode. */
  #check(changes: ChangeSet, logged: LoggedBatch | null, settlement: Settlement | null): void {
    this.#views.apply(changes);
    this.#canary.check(changes, logged, settlement);
  }

  #emptyViews(): OwnedViewEngine {
    return createViewEngine({ catalog: this.catalog, state: this.live });
  }

  #newCanary(): Canary {
    return new Canary({
      projection: this.#projection,
      views: this.#views,
      log: { durableLsn: Number.MAX_SAFE_INTEGER as Lsn },
      appliedLsn: this.#log.length as Lsn,
    });
  }

  #append(parts: readonly Uint8Array[]): Lsn {
    return this.#log.push(new Uint8Array(Buffer.concat(parts))) as Lsn;
  }
}
