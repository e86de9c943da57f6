import type { ChdbResult } from 'chdb';

/**
 * The peak memory of queries that run long enough to matter, asked of ClickHouse now and then
 * while one does; chDB does not tell it with the result.
 */
export class MemorySampler {
  readonly #ask: (sql: string) => Promise<ChdbResult>;
  readonly #running = new Map<string, { sinceMs: number; peakBytes: number | null }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(ask: (sql: string) => Promise<ChdbResult>) {
    this.#ask = ask;
  }

  begin(queryId: string): void {
    this.#running.set(queryId, { sinceMs: performance.now(), peakBytes: null });
    this.#schedule();
  }

  /** The highest peak seen, or null when the query was too short for one. */
  end(queryId: string): number | null {
    const entry = this.#running.get(queryId);
    this.#running.delete(queryId);
    return entry?.peakBytes ?? null;
  }

  close(): void {
    this.#running.clear();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(): void {
    if (this.#timer || this.#running.size === 0) return;
    this.#timer = setTimeout(() => {
      void this.#sample().finally(() => {
        this.#timer = null;
        this.#schedule();
      });
    }, everyMs);
  }

  async #sample(): Promise<void> {
    const from = performance.now() - everyMs / 2;
    if (![...this.#running.values()].some((entry) => entry.sinceMs < from)) return;
    try {
      const result = await this.#ask(
        "SELECT Settings['log_comment'], toString(peak_memory_usage) FROM system.processes",
      );
      for (const line of result.text().split('\n')) {
        if (line === '') continue;
        const [queryId, bytes] = JSON.parse(line) as [string, string];
        const entry = this.#running.get(queryId);
        if (entry) entry.peakBytes = Math.max(entry.peakBytes ?? 0, Number(bytes));
      }
    } catch {
      // A sample is a convenience; the next one may succeed.
    }
  }
}

const everyMs = 50;
