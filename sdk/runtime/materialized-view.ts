import type { Frame } from './frame.ts';
import type { Position } from './position.ts';
import type { Subscription } from './subscription.ts';

type Listener<Row, Key> = (frame: Frame<Row, Key>) => void;

/**
 * A view kept on this side: the frames of a subscription folded by key.
 *
 * ```ts
 * const pulse = client.matchPulse.changes().materialize();
 * await pulse.ready;
 * pulse.get({ sessionId: 'm1' })?.actions;
 * await pulse.when((rows) => [...rows].some((row) => row.lastTick === 600));
 * await pulse.close();
 * ```
 */
export class MaterializedView<Row, Key> {
  /** Resolves with the first snapshot; rejects if the subscription fails before it. */
  readonly ready: Promise<void>;
  /** Resolves after `close`, rejects when the subscription fails for good. */
  readonly closed: Promise<void>;
  readonly #rows = new Map<string, Row>();
  readonly #key: readonly string[];
  readonly #listeners = new Set<Listener<Row, Key>>();
  readonly #stop = new AbortController();
  #position: Position | null = null;
  #cursor: string | null = null;

  constructor(subscription: Subscription<Row, Key>, key: readonly string[]) {
    this.#key = key;
    let markReady = () => {};
    const firstFrame = new Promise<void>((resolve) => {
      markReady = resolve;
    });
    this.closed = this.#run(subscription, markReady);
    this.ready = Promise.race([firstFrame, this.closed]);
    // Whoever awaits either gets the failure; unawaited ones must not end the process.
    this.closed.catch(() => {});
    this.ready.catch(() => {});
  }

  get(key: Key): Row | undefined {
    return this.#rows.get(this.#keyText(key));
  }

  get size(): number {
    return this.#rows.size;
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** The rows are as of here; null before the first snapshot. */
  get position(): Position | null {
    return this.#position;
  }

  /** To resume with, in another process for example. */
  get cursor(): string | null {
    return this.#cursor;
  }

  /** Called after each frame is folded in. Returns what ends it. */
  observe(listener: Listener<Row, Key>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves as soon as the condition holds, now or after a later frame. */
  when(condition: (rows: Iterable<Row>) => boolean): Promise<void> {
    if (this.#position !== null && condition(this.rows())) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const forget = this.observe(() => {
        try {
          if (!condition(this.rows())) return;
          resolve();
        } catch (error) {
          reject(error);
        }
        forget();
      });
      const onClosed = (error?: unknown) => {
        forget();
        reject(error ?? new Error('the view was closed before the condition held'));
      };
      this.closed.then(() => onClosed(), onClosed);
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.closed;
  }

  async #run(subscription: Subscription<Row, Key>, markReady: () => void): Promise<void> {
    for await (const frame of subscription.until(this.#stop.signal)) {
      this.#fold(frame);
      markReady();
      for (const listener of [...this.#listeners]) listener(frame);
    }
  }

  #fold(frame: Frame<Row, Key>): void {
    if (frame.kind === 'SNAPSHOT' || frame.kind === 'RESET') this.#rows.clear();
    for (const key of frame.removed) this.#rows.delete(this.#keyText(key));
    for (const row of frame.rows) this.#rows.set(this.#keyText(row), row);
    this.#position = frame.position;
    this.#cursor = frame.cursor;
  }

  #keyText(row: unknown): string {
    const columns = row as Record<string, unknown>;
    return this.#key.map((column) => JSON.stringify(String(columns[column]))).join();
  }
}
