import type { LRUCache } from 'lru-cache';
import type { OneByOne } from '../../govern/one-by-one.ts';
import type { Turns } from '../../govern/turns.ts';
import type { Lsn } from '../../model/position.ts';
import type { Frame } from '../view-engine.ts';
import type { ViewObserver } from '../view-observer.ts';
import type { Channel, Subscriber } from './channel.ts';
import type { Clock } from './clock.ts';
import type { FarRows } from './far-rows.ts';
import type { Feed } from './feed.ts';
import type { SubscriptionBudget } from './subscription-budget.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** What all feeds of one engine share. */
export interface FeedContext {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Frames that other subscribers of their channel may ask for as well. */
  readonly frames: LRUCache<string, Frame>;
  readonly observer: ViewObserver | null;
  readonly turns: Turns;
  /** What frames of many rows are made by. */
  readonly large: OneByOne;
  readonly subjects: SubscriptionBudget;
  /** Null: all rows are at hand. */
  far(): FarRows | null;
  /** The last change set folded in. */
  head(): Lsn;
  /** Has the feed find out, soon, whom its newest ticks concern. */
  dispatch(feed: Feed): void;
  /** Advances the channel's waiting subscribers, soon and once. */
  wake(channel: Channel): void;
  /** Advances the subscriber, soon. */
  serve(subscriber: Subscriber): void;
}
