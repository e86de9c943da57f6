import type { Value } from '../../model/types.ts';
import type { Channel } from './channel.ts';

/**
 * Channels by the value that their condition pins, so that a changed row finds those it can concern
 * by one look-up a column, however many there are.
 */
export class ChannelIndex {
  /** The channels that pin nothing: any row can concern them. */
  readonly unpinned = new Set<Channel>();
  readonly #byColumn = new Map<string, Map<Value, Set<Channel>>>();

  get isEmpty(): boolean {
    return this.unpinned.size === 0 && !this.hasPinned;
  }

  get hasPinned(): boolean {
    return this.#byColumn.size > 0;
  }

  /** The columns that conditions pin. */
  get columns(): Iterable<string> {
    return this.#byColumn.keys();
  }

  add(channel: Channel): void {
    if (channel.pinned === null) {
      this.unpinned.add(channel);
      return;
    }
    const { column, value } = channel.pinned;
    const byValue = this.#byColumn.get(column) ?? new Map<Value, Set<Channel>>();
    this.#byColumn.set(column, byValue);
    const channels = byValue.get(value);
    if (channels) channels.add(channel);
    else byValue.set(value, new Set([channel]));
  }

  delete(channel: Channel): void {
    if (channel.pinned === null) {
      this.unpinned.delete(channel);
      return;
    }
    const { column, value } = channel.pinned;
    const byValue = this.#byColumn.get(column);
    const channels = byValue?.get(value);
    channels?.delete(channel);
    if (channels?.size === 0) byValue?.delete(value);
    if (byValue?.size === 0) this.#byColumn.delete(column);
  }

  /** The channels that a row with this value in the column can concern. */
  find(column: string, value: Value): Iterable<Channel> {
    return this.#byColumn.get(column)?.get(value) ?? none;
  }

  *pinned(): Iterable<Channel> {
    for (const byValue of this.#byColumn.values()) {
      for (const channels of byValue.values()) yield* channels;
    }
  }
}

const none: readonly Channel[] = [];
