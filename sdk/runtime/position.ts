/** A place in the log: `"<shard>:<lsn>"`. */
export type Position = `${number}:${number}`;

/**
 * The highest position seen, by shard. Sent with every read, so that reads never go back and
 * always see this client's own writes, whichever node answers.
 */
export class PositionTracker {
  readonly #lsnByShard = new Map<number, number>();
  #highest: Position | null = null;

  /** Anything that is no position is ignored: an answer without one promises nothing. */
  see(position: unknown): void {
    if (typeof position !== 'string') return;
    const match = /^(\d+):(\d+)$/.exec(position);
    if (!match) return;
    const shard = Number(match[1]);
    const lsn = Number(match[2]);
    if (lsn <= (this.#lsnByShard.get(shard) ?? -1)) return;
    this.#lsnByShard.set(shard, lsn);
    this.#highest = position as Position;
  }

  /** Null before the first answer. With several shards: the one that moved last. */
  get highest(): Position | null {
    return this.#highest;
  }

  /** The value of `x-tickloom-read-after`: one position a shard, separated by commas. */
  get header(): string | null {
    if (this.#lsnByShard.size === 0) return null;
    return [...this.#lsnByShard].map(([shard, lsn]) => `${shard}:${lsn}`).join(',');
  }
}
