import type { Frame, FrameStanding, FrameStream } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { CurrentAsker, RequestContext } from './context.ts';
import { EndableWork } from './endable-work.ts';

export type SubscriptionTransport = 'WEBSOCKET' | 'EVENT_STREAM';

/** What was sent to one subscriber, and what waits to be; counted by whoever sends it. */
export interface Outgoing {
  readonly transport: SubscriptionTransport;
  readonly address: string | null;
  readonly client: string | null;
  /** The name that the GraphQL document gives to the operation. */
  operation: string | null;
  bytesSent: number;
  /** Bytes that its connection has not taken yet. */
  readonly queuedBytes: () => number;
}

/** One subscription while it runs. */
export interface LiveSubscription {
  readonly id: string;
  /** A view, or the state table whose rows it gets. */
  readonly source: string;
  readonly startedAtMs: number;
  readonly outgoing: Outgoing;
  /** Who it is now. */
  asker: CurrentAsker;
  /** The claims that decide which rows it may see, by name. */
  claims: readonly string[];
  /** Tells conditions apart, the rules of the role within them. */
  whereFingerprint: string | null;
  framesSent: number;
  readonly standing: FrameStanding;
}

/** What a subscription asks for now: it changes with the role and the claims of who asks. */
export interface AskedFrames {
  readonly asker: CurrentAsker;
  readonly frames: FrameStream;
  readonly claims: readonly string[];
  readonly whereFingerprint: string | null;
}

/** The subscriptions of one title that run in this process. */
export class LiveSubscriptions {
  readonly work = new EndableWork<LiveSubscription>();
  readonly #onEnded: (outgoing: Outgoing) => void;

  /** `onEnded`: told of each that an operator ends. */
  constructor(onEnded: (outgoing: Outgoing) => void = () => {}) {
    this.#onEnded = onEnded;
  }

  /**
   * Lists a subscription until its frames end. `open` gets how it is told what is asked for, at first
   * and each time that changes.
   */
  async follow(
    context: RequestContext,
    source: string,
    open: (asked: (now: AskedFrames) => void) => Promise<AsyncIterableIterator<Frame>>,
  ): Promise<AsyncIterableIterator<Frame>> {
    const { engine, principal, ticket, outgoing } = context;
    let stream: FrameStream | null = null;
    const underway = this.work.begin(
      (id): LiveSubscription => ({
        id,
        source,
        startedAtMs: Date.now(),
        outgoing,
        asker: { principal, ticket },
        claims: [],
        whereFingerprint: null,
        framesSent: 0,
        get standing() {
          return stream?.standing ?? beginning(engine.appliedLsn);
        },
      }),
    );
    const { id, shown, signal, leave } = underway;
    const stay = ticket.departure.whenLeft(leave);
    const left = () => {
      stay();
      leave();
    };
    try {
      const frames = await open(({ frames: opened, ...asked }) => {
        stream = opened;
        Object.assign(shown, asked);
      });
      const ended = () => endedByOperator(id, String(signal.reason));
      signal.addEventListener('abort', () => this.#onEnded(outgoing), { once: true });
      return endable(frames, signal, ended, left, () => {
        shown.framesSent += 1;
      });
    } catch (error) {
      left();
      throw error;
    }
  }
}

function beginning(lsn: Lsn): FrameStanding {
  return { lsn, lagTicks: 0, lagMs: 0, sessionId: null };
}

/** Frames that reject once the signal aborts, whoever waits for the next. */
function endable(
  frames: AsyncIterableIterator<Frame>,
  signal: AbortSignal,
  ended: () => EngineError,
  left: () => void,
  onFrame: () => void,
): AsyncIterableIterator<Frame> {
  let reject: (error: EngineError) => void = () => {};
  const end = async () => {
    left();
    return (await frames.return?.()) ?? ({ done: true, value: undefined } as const);
  };
  signal.addEventListener(
    'abort',
    () => {
      reject(ended());
      void end();
    },
    { once: true },
  );
  return {
    next: () =>
      new Promise((resolve, fail) => {
        if (signal.aborted) return fail(ended());
        reject = fail;
        frames.next().then(
          (step) => {
            if (step.done) left();
            else onFrame();
            resolve(step);
          },
          (error: unknown) => {
            left();
            fail(error);
          },
        );
      }),
    return: end,
    throw: async (error: unknown) => {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Not `retryable`: who is ended shall not come back by itself. */
function endedByOperator(subscriptionId: string, reason: string): EngineError {
  const why = reason === '' ? '' : `: ${reason}`;
  return new EngineError('QUERY_KILLED', `the subscription was ended by an operator${why}`, {
    details: { subscriptionId, reason },
  });
}
