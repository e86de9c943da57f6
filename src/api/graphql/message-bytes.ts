import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The close code of RFC 6455 for a message too big. */
const tooBig = 1009;
/** What stands around the content of a client's short frame. */
const frameHeadBytes = 6;

/**
 * Closes a WebSocket whose client sends more than so many bytes before they are a whole message. `ws`
 * knows one bound for messages, that of the largest tick, and holds a message until it is whole; so
 * bytes are counted as they arrive, and from the bound on they are thrown away unread.
 */
export class MessageBytes {
  #bytes = 0;

  /** `bytesMax` is asked for with each chunk, since it depends on who has signed in. */
  constructor(socket: WebSocket, stream: Duplex, bytesMax: () => number) {
    const count = (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes <= bytesMax()) return;
      // Reading on, into nothing, lets the client get to the message that says why.
      stream.removeAllListeners('data');
      stream.resume();
      socket.close(tooBig, 'LIMIT_EXCEEDED');
    };
    // Before `ws` reads them: a message must not be answered that is too much.
    stream.prependListener('data', count);
  }

  /** All that was counted has been a message. */
  whole(): void {
    this.#bytes = 0;
  }

  /** So much of what was counted has been a ping or a pong, which may come within a message. */
  control(content: Buffer): void {
    this.#bytes = Math.max(0, this.#bytes - content.length - frameHeadBytes);
  }
}
