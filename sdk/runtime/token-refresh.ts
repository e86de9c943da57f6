import { isRecord } from './errors.ts';
import type { TokenSource } from './token-source.ts';

export interface TokenRefreshOptions {
  readonly token: TokenSource;
  /** What the socket says of a token: the payload of `connection_init`, and of a ping. */
  readonly credentials: (token: string) => Readonly<Record<string, string>>;
}

/** How long before its end a token is replaced, at most; of one that lives shortly, a quarter of its life. */
const marginMsMax = 60_000;
const againMsMin = 1_000;
/** `setTimeout` fires at once for more than 31 bits of milliseconds. */
const timerMsMax = 0x7fff_ffff;

/**
 * Hands another token to an open WebSocket before the one that it was opened with expires, so that its
 * subscriptions go on as they are. The server tells how long a token is good in `connection_ack` and in
 * the `pong` that answers the new one. Where no other token can be had, or it is not taken, the server
 * closes the socket in time, and the subscriptions resume by their cursors.
 */
export class TokenRefresh {
  readonly #options: TokenRefreshOptions;
  /** The token that the open socket has. */
  #used: string | null = null;
  #send: ((text: string) => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endsAtMs = 0;

  constructor(options: TokenRefreshOptions) {
    this.#options = options;
  }

  /** The payload of `connection_init`. */
  async begin(): Promise<Record<string, string>> {
    const { token, credentials } = this.#options;
    this.#used = await token.get();
    return { ...credentials(this.#used) };
  }

  /** `acknowledged`: the payload of `connection_ack`. */
  opened(socket: unknown, acknowledged: unknown): void {
    this.#send = (text) => (socket as { send(text: string): void }).send(text);
    this.told(acknowledged);
  }

  /** `payload`: of `connection_ack`, or of a `pong`; others say nothing of tokens. */
  told(payload: unknown): void {
    const told = isRecord(payload) && isRecord(payload.tickloom) ? payload.tickloom : {};
    const { tokenExpiresInMs: lifeMs } = told;
    if (typeof lifeMs !== 'number') return;
    this.#endsAtMs = performance.now() + lifeMs;
    this.#wait(lifeMs - Math.min(marginMsMax, lifeMs / 4));
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#send = null;
    this.#used = null;
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#replace(), Math.min(ms, timerMsMax));
  }

  async #replace(): Promise<void> {
    const { token, credentials } = this.#options;
    const used = this.#used;
    const send = this.#send;
    if (used === null || send === null) return;
    // Whoever gives tokens may be away for a moment, or give the same one until it expires.
    const another = await token.replace(used).catch(() => used);
    if (another === null || this.#send !== send) return;
    if (another !== used) {
      this.#used = another;
      send(JSON.stringify({ type: 'ping', payload: credentials(another) }));
      return;
    }
    const leftMs = this.#endsAtMs - performance.now();
    if (leftMs > againMsMin) this.#wait(Math.max(againMsMin, leftMs / 2));
  }
}
