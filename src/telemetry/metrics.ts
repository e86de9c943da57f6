import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type {
  ColumnQueries,
  Engine,
  EngineOptions,
  Frame,
  OpenColumnStore,
} from '../../engine/index.ts';
import type { AuthFailure } from '../identity/token-verifier.ts';

/** Seconds; fine where a commit on a fast disk lies, coarse where only a query gets. */
const commitBuckets = [
  0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const queryBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const byteBuckets = [20, 22, 24, 26, 28, 30, 32, 34].map((power) => 2 ** power);

interface FeedCounts {
  readonly frames: Readonly<Record<Frame['kind'], { inc(): void }>>;
  readonly staleness: { observe(seconds: number): void };
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

/** What the server tells Prometheus; names and labels are those of the contract. */
export class Metrics {
  readonly registry = new Registry();

  readonly commitSeconds = this.#histogram(
    'commit_seconds',
    'From commit to durable and applied.',
    {
      labels: ['title', 'durability'],
      buckets: commitBuckets,
    },
  );
  readonly commitActions = this.#counter('commit_actions_total', 'Actions by verdict.', [
    'title',
    'verdict',
  ]);
  readonly conflicts = this.#counter('conflicts_total', 'Conflicts of actions and ticks.', [
    'table',
    'code',
  ]);
  readonly #logSyncSeconds = this.#histogram('log_sync_seconds', 'One write and sync of the log.', {
    labels: [],
    buckets: commitBuckets,
  });
  readonly #applySeconds = this.#histogram('apply_seconds', 'Applying one tick to the rows.', {
    labels: [],
    buckets: commitBuckets,
  });
  readonly #feedFrames = this.#counter('feed_frames_total', 'Frames handed to subscribers.', [
    'view',
    'kind',
  ]);
  readonly #feedResets = this.#counter(
    'feed_resets_total',
    'Subscriptions that started over or were cut off, by reason.',
    ['view', 'reason'],
  );
  readonly #viewStaleness = this.#histogram(
    'view_staleness_seconds',
    'From commit to the frame that shows it.',
    { labels: ['view'], buckets: queryBuckets },
  );
  readonly #columnsInsertSeconds = this.#histogram(
    'columns_insert_seconds',
    'One block of one table into the column store.',
    { labels: [], buckets: queryBuckets },
  );
  readonly #queueWaitSeconds = this.#histogram(
    'queue_wait_seconds',
    'Ticks that came before the one they follow, until that one came.',
    { labels: ['class'], buckets: commitBuckets },
  );
  readonly #ticksWaitingBytes = new Gauge({
    name: 'tickloom_ticks_waiting_bytes',
    help: 'Memory of ticks that came before the one they follow and wait for it.',
    registers: [this.registry],
  });
  readonly #checkpointSeconds = this.#histogram('checkpoint_seconds', 'Taking one checkpoint.', {
    labels: [],
    buckets: queryBuckets,
  });
  readonly #logDroppedBytes = this.#counter(
    'log_dropped_bytes_total',
    'Old log that was dropped, as --log-retain says.',
    [],
  );
  /** Commits that wait for the log, or to be applied. */
  readonly logPending = new Gauge({
    name: 'tickloom_log_pending',
    help: 'Commits not yet durable and applied.',
    registers: [this.registry],
  });
  readonly querySeconds = this.#histogram('query_seconds', 'Analytical queries.', {
    labels: ['class', 'kind'],
    buckets: queryBuckets,
  });
  readonly queryRejected = this.#counter('query_rejected_total', 'Operations refused by a bound.', [
    'class',
    'reason',
  ]);
  readonly queryMemory = this.#histogram('query_memory_bytes', 'Peak memory of an operation.', {
    labels: ['class'],
    buckets: byteBuckets,
  });
  readonly exportsBytes = this.#counter('exports_bytes_total', 'Bytes of exports sent.', []);
  readonly #trafficBytes = this.#counter('traffic_bytes_total', 'Bytes of bodies in and out.', [
    'endpoint',
    'direction',
  ]);
  readonly #received = new BoundCounts<Endpoint>((endpoint) =>
    this.#trafficBytes.labels({ endpoint, direction: 'in' }),
  );
  readonly #sent = new BoundCounts<Endpoint>((endpoint) =>
    this.#trafficBytes.labels({ endpoint, direction: 'out' }),
  );
  readonly requests = this.#counter('requests_total', 'Operations and requests by outcome.', [
    'endpoint',
    'operation_kind',
    'code',
  ]);
  readonly #feeds = new Map<string, FeedCounts>();
  readonly #authFailures = this.#counter('auth_failures_total', 'Tokens refused.', ['reason']);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  received(endpoint: Endpoint, bytes: number): void {
    this.#received.of(endpoint).inc(bytes);
  }

  sent(endpoint: Endpoint, bytes: number): void {
    this.#sent.of(endpoint).inc(bytes);
  }

  authFailed(reason: AuthFailure): void {
    this.#authFailures.inc({ reason });
  }

  /** What the engine tells as it works. */
  readonly engineObserver: NonNullable<EngineOptions['observer']> = {
    onApply: (seconds) => this.#applySeconds.observe(seconds),
    onWaited: (seconds) => this.#queueWaitSeconds.observe({ class: 'GAMEPLAY' }, seconds),
    onWaitingBytes: (bytes) => this.#ticksWaitingBytes.set(bytes),
    onCheckpoint: (seconds) => this.#checkpointSeconds.observe(seconds),
    onLogDropped: ({ bytes }) => this.#logDroppedBytes.inc(bytes),
    columns: { onInsert: ({ seconds }) => this.#columnsInsertSeconds.observe(seconds) },
    log: { onSync: (seconds) => this.#logSyncSeconds.observe(seconds) },
    views: {
      frame: (view, kind, lagTicks, stalenessMs) => {
        const feed = this.#feed(view);
        feed.frames[kind].inc();
        feed.lagTicksMax = Math.max(feed.lagTicksMax, lagTicks);
        if (kind === 'DELTA') feed.staleness.observe(stalenessMs / 1000);
      },
      reset: (view, reason) => this.#feedResets.inc({ view, reason }),
      overloaded: (view) => this.#feedResets.inc({ view, reason: 'disconnected' }),
      folded: () => undefined,
    },
  };

  /** Reads what the engine knows about itself at each scrape. */
  watch(engine: Engine): void {
    const { catalog, state, views, columns } = engine;
    this.#gauge('state_rows', 'Live rows.', ['table'], (gauge) => {
      for (const table of catalog.stateTables) {
        gauge.set({ table: table.name }, state.rowCount(table.name));
      }
    });
    this.#gauge(
      'state_memory_bytes',
      'What fills the budget for memory: live rows, views, and answers that sessions keep for retries.',
      ['of'],
      (gauge) => {
        const { rowBytes, viewBytes, answerBytes } = engine.memory;
        gauge.set({ of: 'rows' }, rowBytes);
        gauge.set({ of: 'views' }, viewBytes);
        gauge.set({ of: 'answers' }, answerBytes);
      },
    );
    this.#gauge('feed_subscribers', 'Subscribers now.', ['view'], (gauge) => {
      gauge.reset();
      for (const [view, count] of views.subscribers()) gauge.set({ view }, count);
    });
    this.#gauge(
      'view_lag_ticks',
      'How far the slowest subscriber was behind since the last scrape.',
      ['view'],
      (gauge) => {
        for (const [view, feed] of this.#feeds) {
          gauge.set({ view }, feed.lagTicksMax);
          feed.lagTicksMax = 0;
        }
      },
    );
    if (isOpenColumnStore(columns)) {
      this.#gauge('columns_merges_active', 'Merges under way in ClickHouse.', [], async (gauge) => {
        // A store that does not answer keeps its last value, and does not fail the scrape.
        const merges = await columns.mergesActive().catch(() => null);
        if (merges !== null) gauge.set(merges);
      });
      this.#gauge('columns_up', '1 while ClickHouse answers, else 0.', [], (gauge) => {
        gauge.set(columns.trouble === null ? 1 : 0);
      });
    }
    this.#gauge('columns_lag_lsn', 'Applied and not yet in the column store.', [], (gauge) => {
      gauge.set(Math.max(0, engine.appliedLsn - columns.coveredLsn));
    });
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
        lagTicksMax: 0,
      };
      this.#feeds.set(view, feed);
    }
    return feed;
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `tickloom_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    read: (gauge: Gauge<Label>) => void | Promise<void>,
  ): void {
    new Gauge({
      name: `tickloom_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        return read(this);
      },
    });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    shape: { readonly labels: Label[]; readonly buckets: number[] },
  ): Histogram<Label> {
    return new Histogram({
      name: `tickloom_${name}`,
      help,
      labelNames: shape.labels,
      buckets: shape.buckets,
      registers: [this.registry],
    });
  }
}

/** The port promises neither merges nor a pulse; the store of this engine tells of them. */
export function isOpenColumnStore(
  columns: ColumnQueries,
): columns is ColumnQueries & Pick<OpenColumnStore, 'mergesActive' | 'trouble'> {
  return 'mergesActive' in columns;
}
