import { EngineError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { SessionState } from '../state/session.ts';

/** Hands a tick to the log; false where the log did not take it. */
export type StartTick = () => boolean;

interface Turn {
  readonly tick: number;
  readonly start: StartTick;
}

interface Waiting extends Turn {
  readonly refuse: (error: EngineError) => void;
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout;
}

interface SessionQueue {
  /** The last tick handed to the log; runs ahead of the applied one while ticks are in flight. */
  tail: number | null;
  inFlight: number;
  readonly waiting: Map<number, Waiting>;
}

/**
 * Puts ticks that name their predecessor (`afterTick`) in order before they are logged: one that
 * comes early waits, bounded in number and time, until its predecessor has been handed to the log.
 * Only a convenience for clients with several ticks in flight; what is law is decided in `settle`.
 */
export class TickQueue {
  /**
   * Of every session that ever had a tick, idle ones included: a map that takes and drops an entry a
   * tick grows a chain of tables, by which V8's scavenger takes garbage for alive.
   */
  readonly #queues = new Map<string, SessionQueue>();
  readonly #onWaited: (sessionId: string, seconds: number) => void;

  /** `onWaited`: a tick has waited, until its predecessor came or it was given up. */
  constructor(onWaited: (sessionId: string, seconds: number) => void = () => undefined) {
    this.#onWaited = onWaited;
  }

  /**
   * Calls `start` once the tick's turn has come, at once where nothing is to be waited for. A tick
   * that the log did not take never was: whoever waits for it waits on, for it to be sent again.
   */
  enter(
    session: SessionState,
    tick: number,
    afterTick: number | null,
    start: StartTick,
    refuse: (error: EngineError) => void,
  ): void {
    const queue = this.#queueOf(session);
    const early = afterTick !== null && (queue.tail === null || afterTick > queue.tail);
    if (!early || afterTick === session.abortedTick) {
      this.#start(session, queue, tick, start);
      return;
    }
    if (queue.waiting.has(afterTick) || queue.waiting.size >= limits.ticksWaitingMax) {
      const full = queue.waiting.size >= limits.ticksWaitingMax;
      refuse(
        full
          ? new EngineError(
              'OVERLOADED',
              `${limits.ticksWaitingMax} ticks of this session wait for their turn already`,
              { retryAfterMs: 100 },
            )
          : outOfOrder(tick, afterTick, 'another tick waits for the same one'),
      );
      return;
    }
    const sinceMs = performance.now();
    const timer = setTimeout(() => {
      queue.waiting.delete(afterTick);
      this.#onWaited(session.sessionId, secondsSince(sinceMs));
      refuse(outOfOrder(tick, afterTick, `it did not come within ${limits.tickWaitMs} ms`));
    }, limits.tickWaitMs);
    queue.waiting.set(afterTick, { tick, start, refuse, sinceMs, timer });
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
      for (const { timer, refuse } of queue.waiting.values()) {
        clearTimeout(timer);
        refuse(error);
      }
      queue.waiting.clear();
    }
    this.#queues.clear();
  }

  #start(session: SessionState, queue: SessionQueue, tick: number, start: StartTick): void {
    let next: Turn | undefined = { tick, start };
    while (next?.start()) {
      queue.inFlight++;
      queue.tail = queue.tail === null ? next.tick : Math.max(queue.tail, next.tick);
      const follower: Waiting | undefined = queue.waiting.get(next.tick);
      if (follower) {
        queue.waiting.delete(next.tick);
        clearTimeout(follower.timer);
        this.#onWaited(session.sessionId, secondsSince(follower.sinceMs));
      }
      next = follower;
    }
  }

  #queueOf(session: SessionState): SessionQueue {
    let queue = this.#queues.get(session.sessionId);
    if (!queue) {
      queue = { tail: session.lastTick, inFlight: 0, waiting: new Map() };
      this.#queues.set(session.sessionId, queue);
    }
    return queue;
  }
}

function secondsSince(ms: number): number {
  return (performance.now() - ms) / 1000;
}

function outOfOrder(tick: number, afterTick: number, why: string): EngineError {
  return new EngineError('TICK_OUT_OF_ORDER', `tick ${tick} waits for tick ${afterTick}: ${why}`, {
    details: { tick, afterTick },
  });
}
