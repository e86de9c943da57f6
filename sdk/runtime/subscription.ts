import { backoffMs, sleep } from './backoff.ts';
import type { RowCodec } from './columns.ts';
import { TickloomError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { FrameTransport } from './frame-transport.ts';
import { MaterializedView } from './materialized-view.ts';
import type { Where } from './row-types.ts';
import type { Title } from './title.ts';
import { isTokenRefusal, type Transport } from './transport.ts';

export interface ChangesOptions<Row> {
  readonly where?: Where<Row> | undefined;
  /** The cursor of a frame seen before: what was missed comes first, or a RESET. */
  readonly cursor?: string | undefined;
  /** Frames a second at most; ticks in between are folded together. One a tick when left out. */
  readonly maxRate?: number | undefined;
  /** What the server does with a reader that is too far behind: start over, or throw `OVERLOADED`. */
  readonly onLag?: 'COALESCE' | 'DISCONNECT' | undefined;
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined;
}

/** A token that is refused sooner after it was fetched, before any frame, was never good. */
const tokenGoodMsMin = 500;

export interface SubscriptionDocument {
  readonly name: string;
  readonly field: string;
  readonly document: string;
  readonly codec: RowCodec;
  readonly key: readonly string[];
}

export function subscriptionDocument(title: Title, source: string): SubscriptionDocument {
  const codec = title.codec(source);
  const type = title.typeName(source);
  const key = title.key(source);
  const field = `${source}Changes`;
  const name = `${type}Changes`;
  const document = `subscription ${name}($where: ${type}Where, $cursor: String, $maxRate: Float, $onLag: LagPolicy) {
  ${field}(where: $where, cursor: $cursor, maxRate: $maxRate, onLag: $onLag) {
    kind cursor position tick
    rows { ${codec.selection} }
    removed { ${key.join(' ')} }
  }
}`;
  return { name, field, document, codec, key };
}

/**
 * A live query. Iterating it connects; leaving the loop disconnects. A lost connection is made
 * again, for as long as it takes, and resumes from the last cursor, so the frames of one loop always
 * fold to the truth. Only before the first frame do the client's `retry.attemptsMax` tries count.
 *
 * ```ts
 * for await (const frame of client.matchPulse.changes({ where: { sessionId: { eq: 'm1' } } })) …
 * ```
 */
export class Subscription<Row, Key> implements AsyncIterable<Frame<Row, Key>> {
  readonly #document: SubscriptionDocument;
  readonly #frames: FrameTransport;
  readonly #transport: Transport;
  readonly #options: ChangesOptions<Row>;

  constructor(
    document: SubscriptionDocument,
    frames: FrameTransport,
    transport: Transport,
    options: ChangesOptions<Row>,
  ) {
    this.#document = document;
    this.#frames = frames;
    this.#transport = transport;
    this.#options = options;
  }

  /** Keeps the rows themselves, folded from the frames, until closed. */
  materialize(): MaterializedView<Row, Key> {
    return new MaterializedView(this, this.#document.key);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Frame<Row, Key>, undefined, undefined> {
    return this.#follow(this.#options.signal);
  }

  /** Like iterating, and ends when `signal` aborts. */
  until(signal: AbortSignal): AsyncIterable<Frame<Row, Key>> {
    const { signal: own } = this.#options;
    const both = own ? AbortSignal.any([own, signal]) : signal;
    return { [Symbol.asyncIterator]: () => this.#follow(both) };
  }

  async *#follow(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Frame<Row, Key>, undefined, undefined> {
    const { retry, random, token } = this.#transport;
    let { cursor } = this.#options;
    let failures = 0;
    let everSeen = false;
    /** When the token in use took the place of another; null once it has shown to be good. */
    let untriedSinceMs: number | null = null;
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      while (!signal?.aborted) {
        let retryAfterMs: number | null = null;
        const used = token.current;
        const named = this.#transport.manifestHash;
        try {
          for await (const raw of this.#frames.frames(this.#request(cursor), connection.signal)) {
            const frame = this.#decode(raw);
            cursor = frame.cursor;
            failures = 0;
            everSeen = true;
            untriedSinceMs = null;
            this.#transport.positions.see(frame.position);
            yield frame;
          }
        } catch (error) {
          if (signal?.aborted) return;
          if (!(error instanceof TickloomError)) throw error;
          if (await this.#transport.agrees(error, named)) continue;
          const wasGood =
            untriedSinceMs === null || performance.now() - untriedSinceMs > tokenGoodMsMin;
          // One that was good has expired; one that expires on its way, short or shared with others,
          // is replaced like it, a bounded number of times; one refused at once is no good.
          if (isTokenRefusal(error) && (wasGood || error.code === 'TOKEN_EXPIRED')) {
            const isLast = !(everSeen && wasGood) && failures + 1 >= retry.attemptsMax;
            if (isLast && !wasGood) throw error;
            const another = await token.replace(used ?? (await token.get())).catch((cause) => {
              // Whoever gives tokens is away for a moment: asked again, as the server would be.
              if (isLast) throw cause;
              return undefined;
            });
            if (another === null) throw error;
            if (another !== undefined) {
              untriedSinceMs = performance.now();
              if (wasGood) continue;
            }
          } else {
            if (!this.#mayResume(error)) throw error;
            if (!everSeen && failures + 1 >= retry.attemptsMax) throw error;
            retryAfterMs = error.retryAfterMs;
          }
        }
        failures += 1;
        await sleep(backoffMs(Math.min(failures, 16), retry, retryAfterMs, random), signal);
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      connection.abort();
    }
  }

  #request(cursor: string | undefined) {
    const { where, maxRate, onLag } = this.#options;
    const { name, document, field, codec } = this.#document;
    const wire = where === undefined ? undefined : codec.encodeWhere(where);
    return { name, document, field, variables: { where: wire, cursor, maxRate, onLag } };
  }

  #decode(raw: unknown): Frame<Row, Key> {
    const frame = raw as Frame<Row, Key>;
    this.#document.codec.decodeAll(frame.rows);
    this.#document.codec.decodeAll(frame.removed);
    return frame;
  }

  #mayResume(error: TickloomError): boolean {
    if (error.code === 'OVERLOADED') return this.#options.onLag !== 'DISCONNECT';
    return error.retryable || error.category === 'internal';
  }
}
