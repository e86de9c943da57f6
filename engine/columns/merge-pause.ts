import { limits } from '../model/limits.ts';
import type { ColumnClient } from './client.ts';

const retryMs = 1_000;

/**
 * Keeps the embedded ClickHouse from merging parts while it takes in what it lacked at a start,
 * which waits for that: merges take as much of the processors as inserts do. Mutations wait too. A
 * child that takes the place of another merges at once, which costs time and nothing else.
 */
export class MergePause {
  readonly #client: ColumnClient;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  static async begin(client: ColumnClient): Promise<MergePause> {
    await client.command('SYSTEM STOP MERGES');
    return new MergePause(client);
  }

  private constructor(client: ColumnClient) {
    this.#client = client;
    this.#endIn(limits.columnsMergePauseMs);
  }

  /** Lets ClickHouse merge again; where it cannot be told now, it is told later as well. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#client.command('SYSTEM START MERGES');
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

  #endIn(ms: number): void {
    if (this.#isOver) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.end().catch(() => {}), ms);
  }
}
