import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ColumnQueries, Engine, OpenColumnStore } from '../../engine/index.ts';
import type { AuthFailure } from '../identity/verified-token.ts';

/** Seconds; fine where a commit on a fast disk lies, coarse where only a query gets. */
const commitBuckets = [
  0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const queryBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const byteBuckets = [20, 22, 24, 26, 28, 30, 32, 34].map((power) => 2 ** power);

/** What is read of a title at each scrape. */
export interface WatchedTitle {
  readonly engine: Engine;
  /** By view, how far its slowest subscriber was behind since the last call. */
  drainLagTicks(): Iterable<readonly [view: string, lagTicks: number]>;
}

/** What a title's audit log tells of itself. */
export interface WatchedAudit {
  readonly state: 'ok' | 'waiting' | 'refusing';
  readonly waiting: { readonly records: number };
}

/**
 * Every metric that the server tells Prometheus; names and labels are those of the contract. What
 * belongs to a title has the label `title`, empty for requests that name none of this server.
 */
export class MetricRegistry {
  readonly #registry = new Registry();
  readonly #titles = new Map<string, WatchedTitle>();
  readonly #audits = new Map<string, WatchedAudit>();

  readonly commitSeconds = this.#histogram(
    'commit_seconds',
    'From commit to durable and applied.',
    ['durability'],
    commitBuckets,
  );
  readonly commitActions = this.#counter('commit_actions_total', 'Actions by verdict.', [
    'verdict',
  ]);
  readonly conflicts = this.#counter('conflicts_total', 'Conflicts of actions and ticks.', [
    'table',
    'code',
  ]);
  readonly logSyncSeconds = this.#histogram(
    'log_sync_seconds',
    'One write and sync of the log.',
    [],
    commitBuckets,
  );
  readonly applySeconds = this.#histogram(
    'apply_seconds',
    'Applying one tick to the rows.',
    [],
    commitBuckets,
  );
  readonly feedFrames = this.#counter('feed_frames_total', 'Frames handed to subscribers.', [
    'view',
    'kind',
  ]);
  readonly feedResets = this.#counter(
    'feed_resets_total',
    'Subscriptions that started over or were cut off, by reason.',
    ['view', 'reason'],
  );
  readonly viewStaleness = this.#histogram(
    'view_staleness_seconds',
    'From commit to the frame that shows it.',
    ['view'],
    queryBuckets,
  );
  readonly columnsInsertSeconds = this.#histogram(
    'columns_insert_seconds',
    'One block of one table into the column store.',
    [],
    queryBuckets,
  );
  readonly queueWaitSeconds = this.#histogram(
    'queue_wait_seconds',
    'Ticks that came before the one they follow, until that one came.',
    ['class'],
    commitBuckets,
  );
  readonly ticksWaitingBytes = this.#gauge(
    'ticks_waiting_bytes',
    'Memory of ticks that came before the one they follow and wait for it.',
  );
  readonly checkpointSeconds = this.#histogram(
    'checkpoint_seconds',
    'Taking one checkpoint.',
    [],
    queryBuckets,
  );
  readonly logDroppedBytes = this.#counter(
    'log_dropped_bytes_total',
    'Old log that was dropped, as --log-retain says.',
    [],
  );
  readonly logPending = this.#gauge('log_pending', 'Commits not yet durable and applied.');
  readonly querySeconds = this.#histogram(
    'query_seconds',
    'Analytical queries.',
    ['class', 'kind'],
    queryBuckets,
  );
  readonly queryRejected = this.#counter('query_rejected_total', 'Operations refused by a bound.', [
    'class',
    'reason',
  ]);
  readonly rateLimited = this.#counter(
    'rate_limited_total',
    'Requests refused because a client, a role or the title had asked for too much.',
    ['role', 'bound', 'of'],
  );
  readonly subscriptionsKilled = this.#counter(
    'subscriptions_killed_total',
    'Subscriptions that an operator ended.',
    ['transport'],
  );
  readonly slowOperations = this.#counter(
    'slow_operations_total',
    'Operations that took longer than --slow-ms says for their class.',
    ['class'],
  );
  readonly queryMemory = this.#histogram(
    'query_memory_bytes',
    'Peak memory of an operation.',
    ['class'],
    byteBuckets,
  );
  readonly exportsBytes = this.#counter('exports_bytes_total', 'Bytes of exports sent.', []);
  readonly trafficBytes = this.#counter('traffic_bytes_total', 'Bytes of bodies in and out.', [
    'endpoint',
    'direction',
  ]);
  readonly requests = this.#counter('requests_total', 'Operations and requests by outcome.', [
    'endpoint',
    'operation_kind',
    'code',
  ]);
  readonly spansDropped = new Counter({
    name: 'tickloom_trace_spans_dropped_total',
    help: 'Spans that the collector of traces did not take.',
    registers: [this.#registry],
  });
  /** Who asks is found out before it counts for a title. */
  readonly #authFailures = new Counter({
    name: 'tickloom_auth_failures_total',
    help: 'Tokens refused.',
    labelNames: ['reason'],
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#readAtScrape('state_rows', 'Live rows.', ['table'], (gauge, title, { engine }) => {
      for (const { name: table } of engine.catalog.stateTables) {
        gauge.set({ title, table }, engine.state.rowCount(table));
      }
    });
    this.#readAtScrape(
      'state_memory_bytes',
      'What fills the budget for memory: live rows, views, and answers that sessions keep for retries.',
      ['of'],
      (gauge, title, { engine }) => {
        const { rowBytes, viewBytes, answerBytes } = engine.memory;
        gauge.set({ title, of: 'rows' }, rowBytes);
        gauge.set({ title, of: 'views' }, viewBytes);
        gauge.set({ title, of: 'answers' }, answerBytes);
      },
    );
    this.#readAtScrape(
      'feed_subscribers',
      'Subscribers now.',
      ['view'],
      (gauge, title, { engine }) => {
        for (const [view, count] of engine.views.subscribers()) gauge.set({ title, view }, count);
      },
    );
    this.#readAtScrape(
      'view_lag_ticks',
      'How far the slowest subscriber was behind since the last scrape.',
      ['view'],
      (gauge, title, watched) => {
        for (const [view, lagTicks] of watched.drainLagTicks())
          gauge.set({ title, view }, lagTicks);
      },
    );
    this.#readOfAudits(
      'audit_waiting_records',
      'Audit records that wait for the disk.',
      ({ waiting }) => waiting.records,
    );
    this.#readOfAudits(
      'audit_refusing',
      '1 while what would be recorded is refused, as too many audit records wait, else 0.',
      ({ state }) => (state === 'refusing' ? 1 : 0),
    );
    const merges = new WeakMap<WatchedTitle, number>();
    this.#readAtScrape(
      'columns_merges_active',
      'Merges under way in ClickHouse.',
      [],
      async (gauge, title, watched) => {
        const { columns } = watched.engine;
        if (!isOpenColumnStore(columns)) return;
        // A store that does not answer keeps its last value, and does not fail the scrape.
        const active = await columns.mergesActive().catch(() => merges.get(watched));
        if (active === undefined) return;
        merges.set(watched, active);
        gauge.set({ title }, active);
      },
    );
    this.#readAtScrape(
      'columns_lag_lsn',
      'Applied and not yet in the column store.',
      [],
      (gauge, title, { engine }) => {
        gauge.set({ title }, Math.max(0, engine.appliedLsn - engine.columns.coveredLsn));
      },
    );
  }

  /** Reads what the audit log of a title knows about itself at each scrape. */
  watchAudit(title: string, audit: WatchedAudit): void {
    this.#audits.set(title, audit);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** What a scrape gets. */
  metrics(): Promise<string> {
    return this.#registry.metrics();
  }

  authFailed(reason: AuthFailure): void {
    this.#authFailures.inc({ reason });
  }

  /** Tells of the ClickHouse that all titles share; `trouble` is null while it answers. */
  watchColumns(host: { readonly trouble: string | null }): void {
    new Gauge({
      name: 'tickloom_columns_up',
      help: '1 while ClickHouse answers, else 0.',
      registers: [this.#registry],
      collect() {
        this.set(host.trouble === null ? 1 : 0);
      },
    });
  }

  /** Tells that nothing of the title has happened yet, where nothing else says of what. */
  begin(title: string): void {
    for (const counter of [this.exportsBytes, this.logDroppedBytes]) counter.inc({ title }, 0);
    for (const gauge of [this.logPending, this.ticksWaitingBytes]) gauge.set({ title }, 0);
    for (const histogram of [
      this.applySeconds,
      this.checkpointSeconds,
      this.columnsInsertSeconds,
      this.logSyncSeconds,
    ]) {
      histogram.zero({ title });
    }
  }

  /** Reads what a title knows about itself at each scrape, until it is forgotten. */
  watch(title: string, watched: WatchedTitle): void {
    this.#titles.set(title, watched);
  }

  /** Tells nothing of the title any more: it is closed. */
  async forget(title: string): Promise<void> {
    this.#titles.delete(title);
    this.#audits.delete(title);
    for (const metric of this.#registry.getMetricsAsArray()) {
      if (!(metric instanceof Counter || metric instanceof Gauge || metric instanceof Histogram)) {
        continue;
      }
      const { values } = await metric.get();
      for (const { labels } of values) {
        if (labels.title !== title) continue;
        // `le` is a bucket's; what is removed is the histogram of the other labels.
        const { le: _bucket, ...own } = labels as Record<string, string>;
        metric.remove(own);
      }
    }
  }

  #counter<Label extends string>(
    name: string,
    help: string,
    labels: Label[],
  ): Counter<Label | 'title'> {
    const labelNames = ['title', ...labels] as const;
    return new Counter({ name: `tickloom_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labels: Label[],
    buckets: number[],
  ): Histogram<Label | 'title'> {
    return new Histogram({
      name: `tickloom_${name}`,
      help,
      labelNames: ['title', ...labels] as const,
      buckets,
      registers: [this.#registry],
    });
  }

  #gauge(name: string, help: string): Gauge<'title'> {
    const labelNames = ['title'] as const;
    return new Gauge({ name: `tickloom_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #readOfAudits(name: string, help: string, read: (audit: WatchedAudit) => number): void {
    const audits = this.#audits;
    new Gauge({
      name: `tickloom_${name}`,
      help,
      labelNames: ['title'] as const,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [title, audit] of audits) this.set({ title }, read(audit));
      },
    });
  }

  #readAtScrape<Label extends string>(
    name: string,
    help: string,
    labels: Label[],
    read: (
      gauge: Gauge<Label | 'title'>,
      title: string,
      watched: WatchedTitle,
    ) => void | Promise<void>,
  ): void {
    const titles = this.#titles;
    new Gauge({
      name: `tickloom_${name}`,
      help,
      labelNames: ['title', ...labels] as const,
      registers: [this.#registry],
      async collect() {
        this.reset();
        await Promise.all([...titles].map(([title, watched]) => read(this, title, watched)));
      },
    });
  }
}

/** The port promises neither merges nor a pulse; the store of this engine tells of them. */
export function isOpenColumnStore(
  columns: ColumnQueries,
): columns is ColumnQueries & Pick<OpenColumnStore, 'mergesActive' | 'trouble'> {
  return 'mergesActive' in columns;
}
