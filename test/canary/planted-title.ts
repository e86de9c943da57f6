import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { BrokenInvariant } from '../../engine/canary/broken-invariant.ts';
import { Canary } from '../../engine/canary/canary.ts';
import type { ColumnStore } from '../../engine/columns/column-store.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import { Checkpointer } from '../../engine/recover/checkpointer.ts';
import { LogRetention } from '../../engine/recover/log-retention.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import type { StateTable } from '../../engine/state/state-table.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import { TitleEngine } from '../../engine/title/title-engine.ts';
import { Vault } from '../../engine/vault/vault.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import type { ViewEngine } from '../../engine/views/view-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../title/memory-columns.ts';
import { commit, insertUnit } from '../title/test-title.ts';

/** A title in canary mode whose insides a test may spoil, in the midst of a record. */
export class PlantedTitle {
  readonly directory = mkdtempSync(join(tmpdir(), 'tickloom-planted-'));
  readonly storage = new FaultyStorage();
  readonly columns = new ColumnsOnDisk();
  readonly projection = new Projection(new TitleState(new Catalog(ashfall)));
  readonly broken: BrokenInvariant[] = [];
  readonly checkpoints: (Error | null)[] = [];
  /** Log bytes after which a checkpoint is taken. */
  checkpointEveryBytes = Number.MAX_SAFE_INTEGER;
  /** Checkpoints wait for it before they are published. */
  mayPublish: Promise<void> = Promise.resolve();
  /** What the write path sees of the views; a test may put something else in place of a part. */
  readonly views: ViewEngine & Pick<OwnedViewEngine, 'checkpoint'>;
  /** Done once, when the next record is applied and not yet checked: what a bug in it would do. */
  plant: (changes: ChangeSet) => void = () => {};

  constructor() {
    const { catalog } = this.projection.state;
    const views = createViewEngine({ catalog, state: new LiveState(this.projection.state) });
    this.views = {
      get lsn() {
        return views.lsn;
      },
      get memoryBytes() {
        return views.memoryBytes;
      },
      mayGrow: (batch) => views.mayGrow(batch),
      apply: (changes) => {
        views.apply(changes);
        const { plant } = this;
        this.plant = () => {};
        plant(changes);
      },
      read: (ticket, name, where) => views.read(ticket, name, where),
      rows: (name, where) => views.rows(name, where),
      subscribe: (ticket, source, request) => views.subscribe(ticket, source, request),
      subscribers: () => views.subscribers(),
      checkpoint: (before) => views.checkpoint(before),
      close: () => views.close(),
    };
  }

  get units(): StateTable {
    const table = this.projection.state.tables.get('unitState');
    if (!table) throw new Error('ashfall has units');
    return table;
  }

  /** Where a unit's row lies, and its words there. */
  unit(unitId: number) {
    const { units } = this;
    for (const slot of units.slots()) {
      if (units.row(slot).unitId !== unitId) continue;
      return { slot, page: units.pages.page(slot), offset: units.pages.offset(slot) };
    }
    throw new Error(`there is no unit ${unitId}`);
  }

  /** Where a word of a unit's column lies. */
  cell(unitId: number, column: string) {
    const layout = this.units.layout.columns.find((own) => own.column.name === column);
    if (!layout) throw new Error(`units have no column ${column}`);
    const { page, offset } = this.unit(unitId);
    return { words: page.u32, at: offset + layout.word };
  }

  /** With two sessions, and two units of "s" and what they were built by. */
  async open(): Promise<TitleEngine> {
    const { directory, projection, storage, views } = this;
    const { catalog } = projection.state;
    await storage.makeDirectory(`${directory}/log`);
    const log = await openFileLog({
      directory: `${directory}/log`,
      durability: { mode: 'strict' },
      storage,
      groupRecordsMax: 1,
    });
    const columns: ColumnStore = Object.assign(memoryColumns(this.columns), {
      cutBacklog: () => ({ keep: () => this.mayPublish.then(() => []) }),
    });
    const checkpointer = new Checkpointer(
      {
        storage,
        directory: `${directory}/checkpoints`,
        projection,
        views,
        columns,
        log,
        incremental: false,
      },
      [],
    );
    const engine = new TitleEngine({
      catalog,
      log,
      projection,
      views,
      columns,
      checkpointer,
      retention: new LogRetention({ log, checkpointer, columns, keepBytes: null }),
      checkpointEveryBytes: this.checkpointEveryBytes,
      checkpointOnClose: true,
      scanRowsMax: Number.MAX_SAFE_INTEGER,
      rowMemoryBytesMax: Number.MAX_SAFE_INTEGER,
      vault: await Vault.open(storage, directory),
      canary: new Canary({ projection, views, log, appliedLsn: asLsn(0) }),
      bytesSinceCheckpoint: 0,
      appliedLsn: asLsn(0),
      now: () => 1_000,
      observer: {
        onBroken: (broken) => this.broken.push(broken),
        onCheckpoint: (_, error) => this.checkpoints.push(error),
      },
    });
    onTestFinished(async () => {
      await engine.close();
      rmSync(directory, { recursive: true });
    });
    await engine.openSession(testTicket, 'other', false);
    await engine.openSession(testTicket, 's', false);
    await commit(engine, 1, { header: { sessionId: 'other' } });
    const actions = [[insertUnit(1, { blueprint: 'tank' }), insertUnit(2)]];
    await commit(engine, 1, { actions, header: { once: true } });
    return engine;
  }
}
