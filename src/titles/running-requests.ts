import type { ServerResponse } from 'node:http';
import { Slots } from '../http/slots.ts';

/** How long a request whose connection was cut may take to notice. */
const cutMsMax = 1_000;

/** The requests of one title that are being answered: it closes when they are done, or are cut. */
export class RunningRequests {
  readonly #running = new Slots<ServerResponse>();
  readonly #streams = new Set<() => void>();
  #count = 0;
  #onIdle: (() => void) | null = null;

  /** Does the work of a request, which is running meanwhile. */
  async run(response: ServerResponse, work: () => Promise<void>): Promise<void> {
    const slot = this.#running.add(response);
    this.#count++;
    try {
      await work();
    } finally {
      this.#running.remove(slot);
      this.#count--;
      if (this.#count === 0) this.#onIdle?.();
    }
  }

  /** Registers what ends a stream that would go on forever. Returns its removal. */
  readonly onDrain = (end: () => void): (() => void) => {
    this.#streams.add(end);
    return () => this.#streams.delete(end);
  };

  endStreams(): void {
    for (const end of this.#streams) end();
  }

  /** Lets what runs finish for `graceMs`, then cuts what is left. */
  async drain(graceMs: number): Promise<void> {
    this.endStreams();
    if (await this.#isIdleWithin(graceMs)) return;
    for (const response of this.#running.values()) response.destroy();
    await this.#isIdleWithin(cutMsMax);
  }

  #isIdleWithin(ms: number): Promise<boolean> {
    if (this.#count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), ms);
      this.#onIdle = () => {
        clearTimeout(late);
        resolve(true);
      };
    });
  }
}
