import type { Ticket } from '../../govern/ticket.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Lsn } from '../../model/position.ts';
import type { Condition } from '../../query/condition.ts';
import type { SnapshotRows } from './channel.ts';
import type { FarRows } from './far-rows.ts';
import type { FeedSource } from './feed-source.ts';

/**
 * The first rows of a channel whose rows are read as of a position behind the newest tick. The feed
 * goes on from that position:
 *
 * ```
 *   asked          rows as of P            read
 *     ├───────────────▶┤                    │
 *  ───┼────────────────┼────────────────────┼────▶ lsn
 *     └ the feed holds every change from here on ┘
 * ```
 *
 * Reads of one channel come one after the other, and who asks while one has its position already has
 * the next one: nobody gets rows of before the tick it asked behind.
 */
export class FarSnapshot {
  readonly #source: FeedSource;
  readonly #where: Condition | null;
  readonly #head: () => Lsn;
  #round = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: FeedSource, where: Condition | null, head: () => Lsn) {
    this.#source = source;
    this.#where = where;
    this.#head = head;
  }

  /** Names the read that whoever asks now shares. */
  get round(): string {
    return String(this.#round);
  }

  read(ticket: Ticket, far: FarRows): Promise<SnapshotRows> {
    const before = this.#last;
    const read = before.then(() => this.#read(ticket, far));
    this.#last = read.catch(() => {});
    return read;
  }

  async #read(ticket: Ticket, far: FarRows): Promise<SnapshotRows> {
    const { name, ticks } = this.#source;
    for (let attempt = 0; attempt < limits.snapshotAttemptsMax; attempt++) {
      const timed = ticket.within(limits.snapshotReadMs);
      const lsn = await far.cover(timed, this.#head());
      this.#round += 1;
      const rows = await far.read(timed, name, this.#where, lsn);
      if (lsn >= ticks.horizon) return { rows, lsn };
    }
    throw new EngineError(
      'OVERLOADED',
      `rows of ${name} change faster than they can be read; subscribe with a where that a key or an index serves, or again in a while`,
      { retryAfterMs: 5_000, details: { source: name } },
    );
  }
}
