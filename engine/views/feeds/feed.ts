import { LRUCache } from 'lru-cache';
import type { Ticket } from '../../govern/ticket.ts';
import type { WorkResult } from '../../govern/turns.ts';
import type { Work } from '../../govern/work.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Lsn } from '../../model/position.ts';
import { conditionText } from '../../query/canonical-condition.ts';
import type { Condition } from '../../query/condition.ts';
import type { SubscribeRequest } from '../view-engine.ts';
import { Channel } from './channel.ts';
import { ChannelDispatch } from './channel-dispatch.ts';
import type { FeedContext } from './feed-context.ts';
import type { FeedSource } from './feed-source.ts';
import { RowChanges } from './row-changes.ts';
import { Subscription } from './subscription.ts';

/**
 * The subscribers of one view or state table, by `where`. A tick wakes only the channels it can
 * concern, by its session and by the values that conditions pin.
 */
export class Feed {
  readonly source: FeedSource;
  readonly #context: FeedContext;
  readonly #onIdle: () => void;
  readonly #channels = new Map<string, Channel>();
  readonly #dispatch: ChannelDispatch;
  /** Changes in rows, so that channels with different conditions need not each build them. */
  readonly #recent = new LRUCache<string, RowChanges>({
    maxSize: limits.feedChangesCacheRowsMax,
    sizeCalculation: changesSize,
  });
  /** More changes than those may be, while frames of many rows are made: the newest of them. */
  #large: { readonly key: string; readonly changes: RowChanges } | null = null;
  #largeFrames = 0;
  #subscriberCount = 0;

  /** `onIdle` is told when the last subscriber leaves. */
  constructor(context: FeedContext, source: FeedSource, onIdle: () => void = () => {}) {
    this.#context = context;
    this.source = source;
    this.#dispatch = new ChannelDispatch(source, context.head, (channel) => this.#wake(channel));
    this.#onIdle = onIdle;
  }

  get subscriberCount(): number {
    return this.#subscriberCount;
  }

  subscribe(ticket: Ticket, request: SubscribeRequest): Subscription {
    if (this.#subscriberCount >= limits.subscribersPerFeedMax) {
      throw new EngineError(
        'OVERLOADED',
        `${this.source.name} has ${limits.subscribersPerFeedMax} subscribers, the most it may have`,
        { retryAfterMs: 5_000, details: { limit: 'subscribersPerFeedMax' } },
      );
    }
    const id = conditionText(request.where);
    const channel = this.#channels.get(id) ?? this.#newChannel(request.where, id);
    const giveBack = this.#context.subjects.reserve(ticket.principal.subject, request.where);
    const subscription = this.#begin(ticket, channel, request, giveBack);
    channel.subscribers.add(subscription);
    this.#subscriberCount += 1;
    if (!this.#channels.has(id)) this.#register(channel);
    return subscription;
  }

  #begin(
    ticket: Ticket,
    channel: Channel,
    request: SubscribeRequest,
    giveBack: () => void,
  ): Subscription {
    try {
      return new Subscription(ticket, this.#context, this.source, channel, request, (ended) => {
        giveBack();
        this.#release(channel, ended);
      });
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** A tick of the session changed rows of the source. */
  changed(sessionId: string): void {
    for (const channel of this.#dispatch.unpinned(sessionId)) this.#wake(channel);
    if (this.#dispatch.hasPinned(sessionId)) this.#context.dispatch(this);
  }

  /** Finds out whom the newest ticks concern, while `mayGoOn`; whether it is done. */
  dispatch(mayGoOn: () => boolean): boolean {
    return this.#dispatch.run(mayGoOn);
  }

  close(): void {
    for (const channel of [...this.#channels.values()]) {
      for (const subscriber of [...channel.subscribers]) subscriber.end();
    }
  }

  #newChannel(where: Condition | null, id: string): Channel {
    return new Channel(this.#context, this.source, where, id, {
      dispatch: this.#dispatch,
      changes: (from, to, sessionId) => this.#changes(from, to, sessionId),
      startLarge: (ticket, work, result) => this.#startLarge(ticket, work, result),
    });
  }

  *#changes(from: Lsn, to: Lsn, sessionId: string | null): Work<RowChanges | null> {
    const key = `${from}:${to}:${sessionId}`;
    const isShared = this.#channels.size > 1;
    const known = isShared ? this.#knownChanges(key) : null;
    if (known) return known;
    const all = yield* this.source.changes(from, to, sessionId);
    if (all === null) return null;
    const changes = new RowChanges(all);
    if (!isShared) return changes;
    if (changesSize(changes) <= limits.feedChangesCacheRowsMax) this.#recent.set(key, changes);
    else if (this.#largeFrames > 0) this.#large = { key, changes };
    return changes;
  }

  #knownChanges(key: string): RowChanges | null {
    return this.#large?.key === key ? this.#large.changes : (this.#recent.get(key) ?? null);
  }

  #startLarge<T>(ticket: Ticket, work: Work<T>, result: WorkResult<T>): void {
    this.#largeFrames += 1;
    const end = (): void => {
      this.#largeFrames -= 1;
      if (this.#largeFrames === 0) this.#large = null;
    };
    this.#context.large.start(ticket, work, {
      done: (value) => {
        end();
        result.done(value);
      },
      failed: (error) => {
        end();
        result.failed(error);
      },
    });
  }

  #wake(channel: Channel): void {
    if (channel.waiting.size > 0) this.#context.wake(channel);
  }

  #register(channel: Channel): void {
    this.#channels.set(channel.id, channel);
    this.#dispatch.add(channel);
  }

  #release(channel: Channel, subscription: Subscription): void {
    channel.subscribers.delete(subscription);
    this.#subscriberCount -= 1;
    if (channel.subscribers.size === 0) {
      this.#channels.delete(channel.id);
      this.#dispatch.delete(channel);
    }
    if (this.#subscriberCount === 0) {
      this.#recent.clear();
      this.#onIdle();
    }
  }
}

function changesSize({ all }: RowChanges): number {
  return all.length + 1;
}
