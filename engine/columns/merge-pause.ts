import { limits } from '../model/limits.ts';
import type { ColumnClient } from './client.ts';

const retryMs = 1_000;

/**
 * Keeps the embedded ClickHouse from merging parts of a title's tables while it takes in what it
 * lacked of them at a start, which waits for that: merges take as much of the processors as inserts
 * do. Mutations wait too. Tables of other titles are merged meanwhile. A child that takes the place
 * of another merges at once, which costs time and nothing else.
 */
export class MergePause {
  readonly #client: ColumnClient;
  readonly #tables: readonly string[];
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  /** `tables`: as SQL names them. */
  static async begin(client: ColumnClient, tables: readonly string[]): Promise<MergePause> {
    const pause = new MergePause(client, tables);
    try {
      await pause.#tell('STOP');
    } catch (error) {
      pause.close();
      throw error;
    }
    return pause;
  }

  private constructor(client: ColumnClient, tables: readonly string[]) {
    this.#client = client;
    this.#tables = tables;
    this.#endIn(limits.columnsMergePauseMs);
  }

  /** Lets ClickHouse merge again; where it cannot be told now, it is told later as well. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#tell('START');
      this.close();
    } catch (error) {
      this.#endIn(retryMs);
      throw error;
    }
  }

  /** ClickHouse ends. */
  close(): void {
    this.#isOver = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #tell(what: 'START' | 'STOP'): Promise<void> {
    await Promise.all(
      this.#tables.map((table) => this.#client.command(`SYSTEM ${what} MERGES ${table}`)),
    );
  }

  #endIn(ms: number): void {
    if (this.#isOver) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.end().catch(() => {}), ms);
  }
}
