import { servingLimits } from '../../serving-limits.ts';

interface Text {
  readonly bytes: number;
  holders: number;
}

interface Client {
  readonly text: object;
  readonly cut: () => void;
}

export interface FramesWaitingOptions {
  readonly onBytes: (bytes: number) => void;
  readonly onCut: () => void;
}

/**
 * The texts of frames that wait until their clients have taken them, of all clients of a title. One
 * text may wait for many clients, and is in memory once. Past `framesWaitingBytesMax` whoever has
 * taken the longest over its frame is cut, with its cursor where it was; the newest text is let
 * through however long it is, so memory is bounded by that and one frame.
 */
export class FramesWaiting {
  readonly #options: FramesWaitingOptions;
  /** In the order in which they began to wait. */
  readonly #clients = new Set<Client>();
  readonly #texts = new Map<object, Text>();
  #bytes = 0;

  constructor(options: FramesWaitingOptions) {
    this.#options = options;
  }

  /**
   * A client has begun to take a text. `cut` ends its connection. Returns what is called, once or
   * more, when it has taken the text or is gone.
   */
  wait(text: object, bytes: number, cut: () => void): () => void {
    const client = { text, cut };
    this.#clients.add(client);
    const waiting = this.#texts.get(text);
    if (waiting === undefined) {
      this.#texts.set(text, { bytes, holders: 1 });
      this.#bytes += bytes;
    } else {
      waiting.holders++;
    }
    this.#cutSlowest();
    this.#options.onBytes(this.#bytes);
    return () => {
      if (!this.#leave(client)) return;
      this.#options.onBytes(this.#bytes);
    };
  }

  #cutSlowest(): void {
    const { framesWaitingBytesMax } = servingLimits;
    for (const client of this.#clients) {
      if (this.#bytes <= framesWaitingBytesMax || this.#texts.size === 1) return;
      this.#leave(client);
      this.#options.onCut();
      client.cut();
    }
  }

  #leave(client: Client): boolean {
    if (!this.#clients.delete(client)) return false;
    const waiting = this.#texts.get(client.text);
    if (waiting !== undefined && --waiting.holders === 0) {
      this.#texts.delete(client.text);
      this.#bytes -= waiting.bytes;
    }
    return true;
  }
}
