import { stepUnits, type Work } from '../../govern/work.ts';
import type { Lsn } from '../../model/position.ts';
import type { Channel } from './channel.ts';
import { ChannelIndex } from './channel-index.ts';
import type { FeedSource } from './feed-source.ts';

/**
 * Which channels of a feed a tick concerns. Those whose condition pins no column are told of every
 * tick at once; for the others each changed row is looked up by its values before and after, after
 * the tick and over turns where it changed many rows:
 *
 * ```
 *   known whom it concerned          not looked at yet
 * ──────────────────────────────┬─────────────────────▶ lsn
 *                          `position`                head
 * ```
 */
export class ChannelDispatch {
  readonly #source: FeedSource;
  readonly #head: () => Lsn;
  readonly #wake: (channel: Channel) => void;
  readonly #unbound = new ChannelIndex();
  readonly #bySession = new Map<string, ChannelIndex>();
  #pinnedCount = 0;
  #position = 0 as Lsn;
  #work: Work<void> | null = null;

  constructor(source: FeedSource, head: () => Lsn, wake: (channel: Channel) => void) {
    this.#source = source;
    this.#head = head;
    this.#wake = wake;
  }

  add(channel: Channel): void {
    if (channel.pinned !== null && this.#pinnedCount++ === 0) {
      this.#position = this.#head();
      this.#work = null;
    }
    if (channel.sessionId === null) {
      this.#unbound.add(channel);
      return;
    }
    const bound = this.#bySession.get(channel.sessionId) ?? new ChannelIndex();
    this.#bySession.set(channel.sessionId, bound);
    bound.add(channel);
  }

  delete(channel: Channel): void {
    if (channel.pinned !== null) this.#pinnedCount -= 1;
    if (channel.sessionId === null) {
      this.#unbound.delete(channel);
      return;
    }
    const bound = this.#bySession.get(channel.sessionId);
    bound?.delete(channel);
    if (bound?.isEmpty) this.#bySession.delete(channel.sessionId);
  }

  /** The channels that any row of the session can concern. */
  *unpinned(sessionId: string): Iterable<Channel> {
    yield* this.#unbound.unpinned;
    yield* this.#bySession.get(sessionId)?.unpinned ?? [];
  }

  /** Whether `run` has to find out whom a tick of the session concerns. */
  hasPinned(sessionId: string): boolean {
    return this.#unbound.hasPinned || this.#bySession.get(sessionId)?.hasPinned === true;
  }

  /** Up to where channels that pin a value know of what concerns them; what takes no time is done. */
  position(): Lsn {
    const { ticks } = this.#source;
    if (this.#work === null && ticks.rowsAfter(this.#position) <= stepUnits) this.run(() => true);
    return this.#position;
  }

  /** Goes on while `mayGoOn`; whether it has come to the head. Tells each channel concerned. */
  run(mayGoOn: () => boolean): boolean {
    if (this.#pinnedCount === 0) {
      this.#work = null;
      return true;
    }
    this.#work ??= this.#catchUp();
    do {
      if (this.#work.next().done) {
        this.#work = null;
        return true;
      }
    } while (mayGoOn());
    return false;
  }

  *#catchUp(): Work<void> {
    const { ticks } = this.#source;
    for (;;) {
      if (this.#position < ticks.horizon) this.#forget(ticks.horizon);
      const tick = ticks.at(ticks.indexAfter(this.#position));
      if (!tick) break;
      const concerned = new Set<Channel>();
      for (const channels of [this.#unbound, this.#bySession.get(tick.sessionId)]) {
        if (channels?.hasPinned) yield* this.#look(channels, tick.lsn, concerned);
      }
      // Forgotten while it was looked at, perhaps not whole.
      if (tick.lsn <= ticks.horizon) continue;
      for (const channel of concerned) {
        channel.concern(tick.lsn);
        this.#wake(channel);
      }
      this.#position = tick.lsn;
    }
    this.#position = this.#head();
  }

  *#look(channels: ChannelIndex, tick: Lsn, concerned: Set<Channel>): Work<void> {
    for (const column of [...channels.columns]) {
      let looked = 0;
      for (const value of this.#source.changedValues(tick, column)) {
        for (const channel of channels.find(column, value)) concerned.add(channel);
        if (++looked % stepUnits === 0) yield stepUnits;
      }
    }
  }

  /** The feed has forgotten ticks that were not looked at: they may have concerned anyone. */
  #forget(horizon: Lsn): void {
    for (const channels of [this.#unbound, ...this.#bySession.values()]) {
      for (const channel of channels.pinned()) {
        channel.suspect(horizon);
        this.#wake(channel);
      }
    }
    this.#position = horizon;
  }
}
