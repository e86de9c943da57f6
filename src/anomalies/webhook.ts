import { createHmac, randomUUID } from 'node:crypto';
import { servingLimits } from '../serving-limits.ts';

export interface WebhookOptions {
  readonly url: string;
  readonly secret: string;
  /** Told of each message that is done with. */
  readonly onOutcome: (outcome: 'sent' | 'failed' | 'dropped', error: unknown) => void;
  readonly retryMsMin?: number;
}

/**
 * Sends messages to one URL, in order, signed; one that is not taken is sent again, with growing
 * waits, and given up after `webhookAttemptsMax`. Sending never waits: past `webhookQueueMax` a message
 * is dropped, and counted.
 *
 * The signature is HMAC-SHA256, by the secret, of `<x-tickloom-timestamp>.<body>`.
 */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #queue: string[] = [];
  readonly #abort = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  send(message: object): void {
    if (this.#abort.signal.aborted || this.#queue.length >= servingLimits.webhookQueueMax) {
      this.#options.onOutcome('dropped', null);
      return;
    }
    this.#queue.push(JSON.stringify(message));
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** What waits is dropped. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    for (const _ of this.#queue.splice(0)) this.#options.onOutcome('dropped', null);
  }

  async #run(): Promise<void> {
    for (let body = this.#queue[0]; body !== undefined; body = this.#queue[0]) {
      if (this.#abort.signal.aborted) return;
      await this.#deliver(body);
      if (!this.#abort.signal.aborted) this.#queue.shift();
    }
  }

  async #deliver(body: string): Promise<void> {
    const { onOutcome, retryMsMin = 1_000 } = this.#options;
    const delivery = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#post(body, delivery);
        onOutcome('sent', null);
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        const isFinal = error instanceof NotTaken && !error.mayBeTakenLater;
        if (isFinal || attempt >= servingLimits.webhookAttemptsMax) {
          onOutcome('failed', error);
          return;
        }
      }
      await this.#wait(retryMsMin * 2 ** (attempt - 1));
    }
  }

  async #post(body: string, delivery: string): Promise<void> {
    const { url, secret } = this.#options;
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const response = await fetch(url, {
      method: 'POST',
      // The operator named one place; no answer of it names another.
      redirect: 'manual',
      signal: AbortSignal.any([
        this.#abort.signal,
        AbortSignal.timeout(servingLimits.webhookAnswerMs),
      ]),
      headers: {
        'content-type': 'application/json',
        'x-tickloom-delivery': delivery,
        'x-tickloom-timestamp': timestamp,
        'x-tickloom-signature': signatureOf(secret, timestamp, body),
      },
      body,
    });
    await response.body?.cancel();
    if (!response.ok) throw new NotTaken(response.status);
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      timer.unref();
      signal.addEventListener('abort', done);
    });
  }
}

/** `v1=` and the signature in hexadecimal; the name leaves room for another one. */
function signatureOf(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** The answer was another than 2xx. */
class NotTaken extends Error {
  readonly mayBeTakenLater: boolean;

  constructor(status: number) {
    super(`the webhook was answered ${status}`);
    this.mayBeTakenLater = status >= 500 || status === 408 || status === 429;
  }
}
