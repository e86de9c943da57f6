import type { Counter, Gauge, Histogram } from 'prom-client';

/** Values of the labels of a metric beside `title`. */
type Labels<Label extends string> = Partial<Readonly<Record<Label, string>>>;

/** One title's part of a counter. */
export class TitleCounter<Label extends string> {
  readonly #counter: Counter<Label | 'title'>;
  readonly #title: string;

  constructor(counter: Counter<Label | 'title'>, title: string) {
    this.#counter = counter;
    this.#title = title;
  }

  inc(labels: Labels<Label>, by = 1): void {
    this.#counter.inc(withTitle(labels, this.#title), by);
  }

  labels(labels: Labels<Label>): Counter.Internal {
    return this.#counter.labels(withTitle(labels, this.#title));
  }
}

/** One title's part of a histogram. */
export class TitleHistogram<Label extends string> {
  readonly #histogram: Histogram<Label | 'title'>;
  readonly #title: string;

  constructor(histogram: Histogram<Label | 'title'>, title: string) {
    this.#histogram = histogram;
    this.#title = title;
  }

  observe(labels: Labels<Label>, value: number): void {
    this.#histogram.observe(withTitle(labels, this.#title), value);
  }

  labels(labels: Labels<Label>): Histogram.Internal<Label | 'title'> {
    return this.#histogram.labels(withTitle(labels, this.#title));
  }

  /** Returns what observes the seconds since. */
  startTimer(labels: Labels<Label>): () => void {
    const startedMs = performance.now();
    return () => this.observe(labels, (performance.now() - startedMs) / 1000);
  }
}

/** One title's part of a gauge without other labels. */
export class TitleGauge {
  readonly #gauge: Gauge.Internal<'title'>;

  constructor(gauge: Gauge<'title'>, title: string) {
    this.#gauge = gauge.labels({ title });
  }

  set(value: number): void {
    this.#gauge.set(value);
  }

  inc(): void {
    this.#gauge.inc();
  }

  dec(): void {
    this.#gauge.dec();
  }
}

function withTitle<Label extends string>(labels: Labels<Label>, title: string) {
  return { title, ...labels } as Partial<Record<Label | 'title', string>>;
}
