import type { Engine, EngineOptions, Frame } from '../../engine/index.ts';
import { Health } from './health.ts';
import { MetricRegistry, type WatchedAudit } from './metric-registry.ts';
import { TitleCounter, TitleGauge, TitleHistogram } from './title-metrics.ts';

interface FeedCounts {
  readonly frames: Readonly<Record<Frame['kind'], { inc(): void }>>;
  readonly staleness: { observe(seconds: number): void };
  readonly recentStaleness: { record(ms: number): void };
  lagTicksMax: number;
}

/** Where a request came in. */
export type Endpoint =
  | 'graphql'
  | 'websocket'
  | 'commit'
  | 'export'
  | 'manifest'
  | 'operations'
  | 'console'
  | 'sandbox'
  | 'other';

/** Counts of one metric by one label: what every request counts is looked up once a label. */
class BoundCounts<Label> {
  readonly #bind: (label: Label) => { inc(by: number): void };
  readonly #bound = new Map<Label, { inc(by: number): void }>();

  constructor(bind: (label: Label) => { inc(by: number): void }) {
    this.#bind = bind;
  }

  of(label: Label): { inc(by: number): void } {
    let count = this.#bound.get(label);
    if (count === undefined) {
      count = this.#bind(label);
      this.#bound.set(label, count);
    }
    return count;
  }
}

/** What one title tells of itself; without a name what belongs to none. */
export class Metrics {
  readonly registry: MetricRegistry;
  readonly title: string;
  readonly commitSeconds;
  readonly commitActions;
  readonly conflicts;
  /** Commits that wait for the log, or to be applied. */
  readonly logPending;
  readonly querySeconds;
  readonly queryRejected;
  readonly rateLimited;
  readonly subscriptionsKilled;
  readonly slowOperations;
  readonly queryMemory;
  /** What the last minutes were like. */
  readonly health = new Health();
  readonly exportsBytes;
  readonly requests;
  /** What the engine tells as it works. */
  readonly engineObserver: NonNullable<EngineOptions['observer']>;
  readonly #received: BoundCounts<Endpoint>;
  readonly #sent: BoundCounts<Endpoint>;
  readonly #feedFrames;
  readonly #viewStaleness;
  readonly #feeds = new Map<string, FeedCounts>();

  constructor(registry = new MetricRegistry(), title = '') {
    this.registry = registry;
    this.title = title;
    this.commitSeconds = new TitleHistogram<'durability'>(registry.commitSeconds, title);
    this.commitActions = new TitleCounter<'verdict'>(registry.commitActions, title);
    this.conflicts = new TitleCounter<'table' | 'code'>(registry.conflicts, title);
    this.logPending = new TitleGauge(registry.logPending, title);
    this.querySeconds = new TitleHistogram<'class' | 'kind'>(registry.querySeconds, title);
    this.queryRejected = new TitleCounter<'class' | 'reason'>(registry.queryRejected, title);
    this.rateLimited = new TitleCounter<'role' | 'bound' | 'of'>(registry.rateLimited, title);
    this.subscriptionsKilled = new TitleCounter<'transport'>(registry.subscriptionsKilled, title);
    this.slowOperations = new TitleCounter<'class'>(registry.slowOperations, title);
    this.queryMemory = new TitleHistogram<'class'>(registry.queryMemory, title);
    this.exportsBytes = registry.exportsBytes.labels({ title });
    this.requests = new TitleCounter<'endpoint' | 'operation_kind' | 'code'>(
      registry.requests,
      title,
    );
    const { trafficBytes } = registry;
    this.#received = new BoundCounts((endpoint) =>
      trafficBytes.labels({ title, endpoint, direction: 'in' }),
    );
    this.#sent = new BoundCounts((endpoint) =>
      trafficBytes.labels({ title, endpoint, direction: 'out' }),
    );
    this.#feedFrames = new TitleCounter<'view' | 'kind'>(registry.feedFrames, title);
    this.#viewStaleness = new TitleHistogram<'view'>(registry.viewStaleness, title);
    this.engineObserver = this.#observer();
    if (title !== '') registry.begin(title);
  }

  received(endpoint: Endpoint, bytes: number): void {
    this.#received.of(endpoint).inc(bytes);
  }

  sent(endpoint: Endpoint, bytes: number): void {
    this.#sent.of(endpoint).inc(bytes);
  }

  /** Reads what the engine knows about itself at each scrape. */
  watch(engine: Engine): void {
    const drainLagTicks = () => this.#drainLagTicks();
    this.registry.watch(this.title, { engine, drainLagTicks });
  }

  /** Reads what the audit log knows about itself at each scrape. */
  watchAudit(audit: WatchedAudit): void {
    this.registry.watchAudit(this.title, audit);
  }

  #observer(): NonNullable<EngineOptions['observer']> {
    const { registry, title, health } = this;
    const of = { title };
    const applySeconds = registry.applySeconds.labels(of);
    const queueWaitSeconds = registry.queueWaitSeconds.labels({ ...of, class: 'GAMEPLAY' });
    const ticksWaitingBytes = new TitleGauge(registry.ticksWaitingBytes, title);
    const checkpointSeconds = registry.checkpointSeconds.labels(of);
    const logDroppedBytes = registry.logDroppedBytes.labels(of);
    const columnsInsertSeconds = registry.columnsInsertSeconds.labels(of);
    const logSyncSeconds = registry.logSyncSeconds.labels(of);
    const feedResets = new TitleCounter<'view' | 'reason'>(registry.feedResets, title);
    return {
      onApply: (seconds) => applySeconds.observe(seconds),
      onWaited: (seconds) => queueWaitSeconds.observe(seconds),
      onWaitingBytes: (bytes) => ticksWaitingBytes.set(bytes),
      onCheckpoint: (seconds) => checkpointSeconds.observe(seconds),
      onLogDropped: ({ bytes }) => logDroppedBytes.inc(bytes),
      columns: { onInsert: ({ seconds }) => columnsInsertSeconds.observe(seconds) },
      log: {
        onSync: (seconds) => {
          logSyncSeconds.observe(seconds);
          health.logSync.record(seconds * 1000);
        },
      },
      views: {
        frame: (view, kind, lagTicks, stalenessMs) => {
          const feed = this.#feed(view);
          feed.frames[kind].inc();
          feed.lagTicksMax = Math.max(feed.lagTicksMax, lagTicks);
          if (kind !== 'DELTA') return;
          feed.staleness.observe(stalenessMs / 1000);
          feed.recentStaleness.record(stalenessMs);
        },
        reset: (view, reason) => feedResets.inc({ view, reason }),
        overloaded: (view) => feedResets.inc({ view, reason: 'disconnected' }),
        folded: () => undefined,
      },
    };
  }

  *#drainLagTicks(): Generator<readonly [string, number]> {
    for (const [view, feed] of this.#feeds) {
      yield [view, feed.lagTicksMax];
      feed.lagTicksMax = 0;
    }
  }

  /** Frames are the most frequent thing counted: their labels are looked up once a feed. */
  #feed(view: string): FeedCounts {
    let feed = this.#feeds.get(view);
    if (feed === undefined) {
      const counter = (kind: Frame['kind']) => this.#feedFrames.labels({ view, kind });
      feed = {
        frames: {
          SNAPSHOT: counter('SNAPSHOT'),
          DELTA: counter('DELTA'),
          RESET: counter('RESET'),
          HEARTBEAT: counter('HEARTBEAT'),
        },
        staleness: this.#viewStaleness.labels({ view }),
        recentStaleness: this.health.stalenessOf(view),
        lagTicksMax: 0,
      };
      this.#feeds.set(view, feed);
    }
    return feed;
  }
}
