import { endError, type Ticket } from '../govern/ticket.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { SessionState } from '../state/session.ts';

/** Hands a tick to the log; false where the log did not take it. */
export type StartTick = () => boolean;

/** A tick before it is logged. */
export interface WaitingTick {
  /** It waits no longer than its ticket. */
  readonly ticket: Ticket;
  readonly tick: number;
  /** The predecessor it names. */
  readonly afterTick: number | null;
  /** The memory it holds; asked for where it has to wait. */
  readonly heldBytes: () => number;
  readonly start: StartTick;
  readonly refuse: (error: EngineError) => void;
  /** Answers it, and says so, where its session no longer takes it, whatever comes before it. */
  readonly answerEarly: () => boolean;
}

interface Waiting extends WaitingTick {
  readonly bytes: number;
  readonly sinceMs: number;
  /** It is no longer given up by itself. */
  readonly release: () => void;
}

interface SessionQueue {
  /** The last tick handed to the log; runs ahead of the applied one while ticks are in flight. */
  tail: number | null;
  inFlight: number;
  /** Waiting ticks by the tick they wait for: one tick, as often as it was sent. */
  readonly waiting: Map<number, Waiting[]>;
  waitingCount: number;
}

export interface TickQueueObserver {
  /** A tick has waited, until its predecessor came or it was given up. */
  onWaited?(sessionId: string, seconds: number): void;
  /** The memory of all that wait is so much now. */
  onWaitingBytes?(bytes: number): void;
}

/**
 * Puts ticks that name their predecessor (`afterTick`) in order before they are logged: one that
 * comes early waits, bounded in number, memory and time, until its predecessor has been handed to the log.
 * Only a convenience for clients with several ticks in flight; what is law is decided in `settle`.
 */
export class TickQueue {
  /**
   * The queues of all sessions that ever had a tick, idle ones too: a map that takes and drops an
   * entry a tick grows a chain of tables, by which V8's scavenger takes garbage for alive.
   */
  readonly #queues = new Map<string, SessionQueue>();
  /** Memory of everything that waits. */
  #waitingBytes = 0;
  readonly #observer: TickQueueObserver;

  constructor(observer: TickQueueObserver = {}) {
    this.#observer = observer;
  }

  /**
   * Calls `start` once the tick's turn has come, at once where nothing is to be waited for. A tick
   * that the log did not take never was: whoever waits for it waits on, for it to be sent again.
   */
  enter(session: SessionState, waiting: WaitingTick): void {
    const { tick, afterTick, refuse } = waiting;
    const queue = this.#queueOf(session);
    const early = afterTick !== null && (queue.tail === null || afterTick > queue.tail);
    if (!early || afterTick === session.abortedTick) {
      this.#start(session, queue, waiting);
      return;
    }
    if (queue.waitingCount >= limits.ticksWaitingMax) {
      refuse(
        new EngineError(
          'OVERLOADED',
          `${limits.ticksWaitingMax} ticks of this session wait for their turn already`,
          { retryAfterMs: 100 },
        ),
      );
      return;
    }
    const others = queue.waiting.get(afterTick) ?? [];
    if (others[0] && others[0].tick !== tick) {
      refuse(outOfOrder(tick, afterTick, 'another tick waits for the same one'));
      return;
    }
    const bytes = waiting.heldBytes();
    if (this.#waitingBytes + bytes > limits.ticksWaitingBytesMax) {
      refuse(noRoomToWait());
      return;
    }
    const giveUp = (error: EngineError) => {
      this.#remove(session, queue, entry, afterTick);
      refuse(error);
    };
    const timer = setTimeout(() => {
      giveUp(outOfOrder(tick, afterTick, `it did not come within ${limits.tickWaitMs} ms`));
    }, limits.tickWaitMs);
    const unwatch = waiting.ticket.whenOver((end) => giveUp(endError(waiting.ticket, end)));
    const release = () => {
      clearTimeout(timer);
      unwatch();
    };
    const entry: Waiting = { ...waiting, bytes, sinceMs: performance.now(), release };
    queue.waiting.set(afterTick, [...others, entry]);
    queue.waitingCount++;
    this.#hold(bytes);
  }

  /** A session was taken over or closed: ticks that it no longer takes wait for nothing. */
  sessionChanged(session: SessionState): void {
    const queue = this.#queues.get(session.sessionId);
    if (!queue) return;
    for (const [afterTick, entries] of [...queue.waiting]) {
      for (const entry of entries) {
        if (entry.answerEarly()) this.#remove(session, queue, entry, afterTick);
      }
    }
  }

  /** A started tick has been settled, or has failed; the session is as applied. */
  leave(session: SessionState): void {
    const queue = this.#queues.get(session.sessionId);
    if (!queue) return;
    queue.inFlight--;
    if (queue.inFlight > 0) return;
    queue.tail = session.lastTick;
  }

  /** Refuses everything that waits. */
  clear(error: EngineError): void {
    for (const queue of this.#queues.values()) {
      for (const { release, refuse } of [...queue.waiting.values()].flat()) {
        release();
        refuse(error);
      }
      queue.waiting.clear();
      queue.waitingCount = 0;
    }
    this.#queues.clear();
    this.#hold(-this.#waitingBytes);
  }

  #start(session: SessionState, queue: SessionQueue, first: WaitingTick): void {
    let { tick } = first;
    let turn: readonly WaitingTick[] = [first];
    for (;;) {
      const started = turn.filter(({ start }) => start()).length;
      if (started === 0) return;
      queue.inFlight += started;
      queue.tail = queue.tail === null ? tick : Math.max(queue.tail, tick);
      const followers = queue.waiting.get(tick);
      if (!followers?.[0]) return;
      for (const follower of followers) this.#remove(session, queue, follower, tick);
      tick = followers[0].tick;
      turn = followers;
    }
  }

  #remove(session: SessionState, queue: SessionQueue, entry: Waiting, afterTick: number): void {
    entry.release();
    this.#observer.onWaited?.(session.sessionId, secondsSince(entry.sinceMs));
    const others = queue.waiting.get(afterTick)?.filter((other) => other !== entry) ?? [];
    if (others.length > 0) queue.waiting.set(afterTick, others);
    else queue.waiting.delete(afterTick);
    queue.waitingCount--;
    this.#hold(-entry.bytes);
  }

  #hold(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#observer.onWaitingBytes?.(this.#waitingBytes);
  }

  #queueOf(session: SessionState): SessionQueue {
    let queue = this.#queues.get(session.sessionId);
    if (!queue) {
      queue = { tail: session.lastTick, inFlight: 0, waiting: new Map(), waitingCount: 0 };
      this.#queues.set(session.sessionId, queue);
    }
    return queue;
  }
}

function secondsSince(ms: number): number {
  return (performance.now() - ms) / 1000;
}

function noRoomToWait(): EngineError {
  const max = limits.ticksWaitingBytesMax;
  return new EngineError(
    'OVERLOADED',
    `ticks that wait for the one they follow fill their ${max} bytes of memory: send it first, or fewer ahead of it`,
    { retryAfterMs: 100, details: { limit: 'ticksWaitingBytesMax', max } },
  );
}

function outOfOrder(tick: number, afterTick: number, why: string): EngineError {
  return new EngineError('TICK_OUT_OF_ORDER', `tick ${tick} waits for tick ${afterTick}: ${why}`, {
    details: { tick, afterTick },
  });
}
