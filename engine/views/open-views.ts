import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { OneByOne } from '../govern/one-by-one.ts';
import type { Ticket } from '../govern/ticket.ts';
import { mainTurns, Turns } from '../govern/turns.ts';
import { finish, type Work } from '../govern/work.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { GroupViewDefinition, TableDefinition } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import type { ChangeSet, StateChanges } from '../state/change-set.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import type { ColumnBatch } from '../vectors/column-vector.ts';
import type { CheckpointPart } from './checkpoint/checkpoint-part.ts';
import {
  captureViews,
  chunkRowBits,
  type HeldViews,
  partsOf,
  restoreViews,
  type StoredViews,
  type ViewsCapture,
} from './checkpoint/view-checkpoint.ts';
import type { Channel, Subscriber } from './feeds/channel.ts';
import { type Clock, systemClock } from './feeds/clock.ts';
import { Feed } from './feeds/feed.ts';
import type { FeedContext } from './feeds/feed-context.ts';
import type { TickMark } from './feeds/feed-source.ts';
import { StateSource } from './feeds/state-source.ts';
import { SubscriptionBudget } from './feeds/subscription-budget.ts';
import type { TickRingBounds } from './feeds/tick-ring.ts';
import { TimerWheel, type WheelItem } from './feeds/timer-wheel.ts';
import { GroupView } from './operators/group-view.ts';
import { TopView } from './operators/top-view.ts';
import { PooledTexts } from './sources/pooled-texts.ts';
import { StateRows } from './sources/state-rows.ts';
import { TableSource } from './sources/table-source.ts';
import type { Frame, FrameStream, SubscribeRequest, ViewEngine, ViewRows } from './view-engine.ts';
import type { ViewObserver } from './view-observer.ts';

export interface ViewEngineOptions {
  readonly catalog: Catalog;
  /** Must be at the last change set folded in whenever it is read. */
  readonly state: StateReader;
  readonly clock?: Clock;
  readonly observer?: ViewObserver;
  /** What a feed remembers; by default as `limits` says. */
  readonly bounds?: TickRingBounds;
  /** The binary logarithm of how many rows one chunk of a checkpoint has; for tests. */
  readonly chunkRowBits?: number;
}

/** The view engine, and what only its owner calls. */
export interface OwnedViewEngine extends ViewEngine {
  /**
   * All views at `lsn`, for a checkpoint, but for what `before` holds of them; null: nothing.
   * Feeds' memory is not part of it.
   */
  checkpoint(before: HeldViews | null): ViewsCapture;
  /**
   * Makes the views of live rows: once those are at `lsn`, and nothing is folded in yet but a
   * checkpoint. What they had been before it is of no account, so none of it is in a checkpoint.
   */
  readLiveRows(): void;
  /**
   * Loads a checkpoint, whole, into an engine that has folded nothing. False, and nothing is
   * loaded, when it was written for other definitions: the log must then be replayed from its
   * start.
   */
  restore(stored: StoredViews): boolean;
}

export function createViewEngine(options: ViewEngineOptions): OwnedViewEngine {
  return new Views(options);
}

class Views implements OwnedViewEngine {
  lsn = 0 as Lsn;
  readonly #clock: Clock;
  readonly #observer: ViewObserver | null;
  readonly #wheel: TimerWheel;
  readonly #tables = new Map<string, TableSource>();
  /** Whether a view is drawn from the action table. */
  readonly #growsByActions: boolean;
  /** The live rows of each state table that a view is drawn from, by the table's name. */
  readonly #liveRows = new Map<string, StateRows>();
  readonly #texts = new PooledTexts();
  readonly #state: StateReader;
  /** The group views of actions and events: a checkpoint holds them. */
  readonly #logGroups: GroupView[] = [];
  /** The group views of live rows: a start makes them from those rows. */
  readonly #rowGroups: GroupView[] = [];
  readonly #tops: TopView[] = [];
  readonly #chunkRowBits: number;
  readonly #parts: readonly CheckpointPart[];
  readonly #states = new Map<string, StateSource>();
  readonly #feeds = new Map<string, Feed>();
  readonly #undispatched = new Set<Feed>();
  readonly #woken = new Set<Channel>();
  /** The stamps of views of live rows, as the checkpoint that was restored has them. */
  #rowStamps: StoredViews['rowStamps'] = [];
  #flushQueue: Subscriber[] = [];
  #flushAt = 0;
  #flushPlanned = false;
  #closed = false;

  constructor(options: ViewEngineOptions) {
    const { catalog, state, clock, observer, bounds } = options;
    this.#chunkRowBits = options.chunkRowBits ?? chunkRowBits;
    this.#clock = clock ?? systemClock;
    this.#observer = observer ?? null;
    this.#state = state;
    this.#wheel = new TimerWheel(this.#clock, wheelGridMs);
    const turns = clock ? new Turns(clock) : mainTurns;
    const context: FeedContext = {
      clock: this.#clock,
      wheel: this.#wheel,
      frames: new LRUCache<string, Frame>({
        maxSize: limits.feedFrameCacheRowsMax,
        sizeCalculation: ({ rows, removed }) => rows.length + removed.length + 1,
      }),
      observer: this.#observer,
      turns,
      large: new OneByOne(turns, `frames of ${catalog.manifest.title}`),
      subjects: new SubscriptionBudget(),
      head: () => this.lsn,
      dispatch: (feed) => this.#dispatch(feed),
      wake: (channel) => this.#wake(channel),
      serve: (subscriber) => this.#serve(subscriber),
    };
    const frameBounds = bounds ?? defaultBounds();
    const groupViews = catalog.manifest.views.filter((view) => view.kind === 'group');
    for (const view of groupViews) {
      const table = catalog.table(view.from);
      const isLive = table.kind === 'state';
      const source = isLive
        ? this.#liveRowsOf(table, groupViews)
        : (this.#tables.get(table.name) ?? new TableSource(catalog, table));
      if (source instanceof TableSource) this.#tables.set(table.name, source);
      const group = new GroupView(catalog, view, source, frameBounds, this.#chunkRowBits);
      (isLive ? this.#rowGroups : this.#logGroups).push(group);
      this.#feeds.set(view.name, new Feed(context, group));
    }
    this.#growsByActions = this.#tables.has(catalog.actionTable.name);
    this.#parts = partsOf(this.#tables, this.#logGroups);
    for (const view of catalog.manifest.views) {
      if (view.kind !== 'top') continue;
      const groups = [...this.#logGroups, ...this.#rowGroups].find(
        ({ name }) => name === view.from,
      );
      if (!groups) throw new RangeError(`a valid manifest has the group view "${view.from}"`);
      const top = new TopView(view, groups, frameBounds);
      this.#tops.push(top);
      this.#feeds.set(view.name, new Feed(context, top));
    }
    // A cursor of an earlier run must not pass for one of this run.
    const epoch = randomInt(1, 2 ** 47);
    for (const table of catalog.stateTables) {
      const source = new StateSource(table, state, frameBounds, epoch);
      this.#states.set(table.name, source);
      this.#feeds.set(table.name, new Feed(context, source, this.#forgetLater(source)));
    }
  }

  apply(changes: ChangeSet): void {
    if (changes.lsn <= this.lsn) throw new RangeError('change sets come in log order');
    const appliedAtMs = this.#clock.now();
    const { lsn, sessionId, tick, committedAtMs } = changes;
    const mark: TickMark = { lsn, sessionId, tick, committedAtMs, appliedAtMs };
    this.lsn = lsn;
    for (const source of this.#tables.values()) {
      if (!source.load(changes)) continue;
      for (const view of this.#logGroups) {
        if (view.source === source) this.#fold(view, mark);
      }
    }
    for (const rows of changes.states) {
      if (rows.length > 0) this.#foldState(rows, mark);
    }
    this.#texts.endTick();
    this.#observer?.folded(this.#clock.now() - appliedAtMs);
  }

  get memoryBytes(): number {
    let bytes = this.#liveRows.size > 0 ? this.#texts.memoryBytes : 0;
    for (const source of this.#tables.values()) bytes += source.memoryBytes;
    for (const group of this.#logGroups) bytes += group.memoryBytes;
    for (const group of this.#rowGroups) bytes += group.memoryBytes;
    for (const top of this.#tops) bytes += top.memoryBytes;
    return bytes;
  }

  mayGrow(batch: TickBatch): boolean {
    if (batch.actions.length > 0 && this.#growsByActions) return true;
    return batch.streams.some(({ op, table }) => op === 'append' && this.#tables.has(table.name));
  }

  read(ticket: Ticket, view: string, where: Condition | null): Work<ViewRows> {
    ticket.check();
    return this.#read(view, where);
  }

  *#read(view: string, where: Condition | null): Work<ViewRows> {
    const feed = this.#feeds.get(view);
    if (!feed || this.#states.has(view)) throw unknown(view, 'view');
    const rows = yield* feed.source.snapshot(where);
    return { lsn: this.lsn, rows };
  }

  rows(view: string, where: Condition | null): ViewRows {
    return finish(this.#read(view, where));
  }

  subscribe(ticket: Ticket, source: string, request: SubscribeRequest): FrameStream {
    ticket.check();
    const feed = this.#feeds.get(source);
    if (!feed) throw unknown(source, 'view or state table');
    const subscription = feed.subscribe(ticket, request);
    if (this.#closed) subscription.end();
    this.#states.get(source)?.start(this.lsn);
    return subscription;
  }

  subscribers(): ReadonlyMap<string, number> {
    return new Map([...this.#feeds].map(([name, feed]) => [name, feed.subscriberCount]));
  }

  checkpoint(before: HeldViews | null): ViewsCapture {
    const rowBits = this.#chunkRowBits;
    return captureViews(this.lsn, this.#parts, this.#logGroups, this.#rowGroups, rowBits, before);
  }

  restore(stored: StoredViews): boolean {
    if (this.lsn !== 0) throw new Error('a checkpoint is loaded before anything is folded in');
    if (!restoreViews(stored, this.#parts, this.#logGroups)) return false;
    const { lsn } = stored;
    for (const top of this.#tops) {
      if (this.#logGroups.includes(top.groups)) this.#loadTop(top, lsn);
    }
    this.lsn = lsn;
    this.#rowStamps = stored.rowStamps;
    return true;
  }

  readLiveRows(): void {
    for (const [table, source] of this.#liveRows) {
      for (const rows of this.#state.columns(table)) {
        source.loadAll(rows);
        for (const view of this.#rowGroups) if (view.source === source) view.load();
        this.#texts.endTick();
      }
    }
    for (const view of this.#rowGroups) {
      view.begin(this.lsn, this.#rowStamps.find(({ name }) => name === view.name)?.stamp ?? 0);
    }
    for (const top of this.#tops) {
      if (this.#rowGroups.includes(top.groups)) this.#loadTop(top, this.lsn);
    }
  }

  close(): void {
    this.#closed = true;
    for (const feed of this.#feeds.values()) feed.close();
    this.#wheel.close();
    this.#undispatched.clear();
    this.#woken.clear();
    this.#clearQueue();
  }

  #liveRowsOf(table: TableDefinition, views: readonly GroupViewDefinition[]): StateRows {
    const known = this.#liveRows.get(table.name);
    if (known) return known;
    const own = views.filter(({ from }) => from === table.name);
    const source = new StateRows(table, own, this.#texts);
    this.#liveRows.set(table.name, source);
    return source;
  }

  #loadTop(top: TopView, lsn: Lsn): void {
    top.load(lsn, top.groups.ticks.stampAt(lsn) ?? 0);
  }

  #foldState(rows: StateChanges, mark: TickMark): void {
    const { name } = rows.table;
    const liveRows = this.#liveRows.get(name);
    const listened = this.#states.get(name);
    if (!liveRows && !listened?.recording) return;
    const changes = liveRows && listened?.recording ? withOneBefore(rows) : rows;
    if (liveRows?.load(changes)) {
      for (const view of this.#rowGroups) if (view.source === liveRows) this.#fold(view, mark);
    }
    if (listened?.recording) {
      listened.record(changes, mark);
      this.#feeds.get(name)?.changed(mark.sessionId);
    }
  }

  #fold(view: GroupView, mark: TickMark): void {
    const remembered = view.fold(mark);
    if (view.touchedCount === 0) return;
    this.#feeds.get(view.name)?.changed(mark.sessionId);
    for (const top of this.#tops) {
      if (top.groups !== view) continue;
      top.fold(mark, remembered);
      this.#feeds.get(top.name)?.changed(mark.sessionId);
    }
  }

  #dispatch(feed: Feed): void {
    this.#undispatched.add(feed);
    this.#planFlush();
  }

  #wake(channel: Channel): void {
    this.#woken.add(channel);
    this.#planFlush();
  }

  #serve(subscriber: Subscriber): void {
    this.#flushQueue.push(subscriber);
    this.#planFlush();
  }

  #planFlush(): void {
    if (this.#flushPlanned || this.#closed) return;
    this.#flushPlanned = true;
    this.#clock.defer(() => this.#flush());
  }

  /** In slices, so that commits get their turn while tens of thousands of subscribers are served. */
  #flush(): void {
    const endMs = this.#clock.now() + limits.feedSliceMs;
    const mayGoOn = () => this.#clock.now() < endMs;
    for (const feed of this.#undispatched) {
      if (feed.dispatch(mayGoOn)) this.#undispatched.delete(feed);
      if (!mayGoOn()) break;
    }
    this.#flushSome(endMs);
  }

  /** A few subscribers; and then, once their frames are printed and sent, others, until `endMs`. */
  #flushSome(endMs: number): void {
    if (this.#flushAt >= this.#flushQueue.length) this.#refill();
    let nowMs = this.#clock.now();
    for (let served = 0; served < flushTogether; served++) {
      const subscriber = this.#flushQueue[this.#flushAt];
      if (!subscriber) break;
      this.#flushAt += 1;
      subscriber.advance(nowMs);
      nowMs = this.#clock.now();
      if (nowMs >= endMs) break;
    }
    if (this.#flushAt < this.#flushQueue.length && nowMs < endMs) {
      this.#clock.settle(() => this.#flushSome(endMs));
      return;
    }
    this.#flushPlanned = false;
    const isLeft = this.#flushAt < this.#flushQueue.length;
    if (!isLeft) this.#clearQueue();
    if (isLeft || this.#woken.size > 0 || this.#undispatched.size > 0) this.#planFlush();
  }

  /** The subscribers that wait for news of the channels woken since. */
  #refill(): void {
    this.#clearQueue();
    for (const channel of this.#woken) {
      for (const subscriber of channel.waiting) this.#flushQueue.push(subscriber);
    }
    this.#woken.clear();
  }

  #clearQueue(): void {
    this.#flushQueue = [];
    this.#flushAt = 0;
  }

  /** Remembers for a while after the last subscriber left: it may be about to come back. */
  #forgetLater(source: StateSource): () => void {
    const item: WheelItem = {
      slot: null,
      onDue: () => {
        if (this.#feeds.get(source.name)?.subscriberCount === 0) source.stop(this.lsn);
      },
    };
    return () => {
      if (!this.#closed) this.#wheel.schedule(item, this.#clock.now() + limits.feedGraceMs);
    };
  }
}

const wheelGridMs = 4;
/** Subscribers served before their frames are sent, which is when the clock tells what they cost. */
const flushTogether = 16;

/** Changes whose `before` is made once, though views and the table's own feed both read it. */
function withOneBefore(rows: StateChanges): StateChanges {
  let before: ColumnBatch | null = null;
  return {
    ...rows,
    before: () => {
      before ??= rows.before();
      return before;
    },
  };
}

function defaultBounds(): TickRingBounds {
  return {
    rowsMax: limits.feedRingRowsMax,
    ticksMax: limits.feedRingTicksMax,
    bytesMax: limits.feedRingBytesMax,
  };
}

function unknown(name: string, what: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `there is no ${what} "${name}"`);
}
