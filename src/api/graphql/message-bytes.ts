import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The close code of RFC 6455 for a message too big. */
const tooBig = 1009;

/**
 * Closes a WebSocket that sends more than so many bytes before the watch is called off. `ws` knows
 * one bound for messages, that of an operation, and holds a message until it is whole; so bytes are
 * counted as they arrive, and from the bound on they are thrown away unread. Returns what calls the
 * watch off.
 */
export function watchBytes(socket: WebSocket, stream: Duplex, bytesMax: number): () => void {
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) return;
    // Reading on, into nothing, lets the client get to the message that says why.
    stream.removeAllListeners('data');
    stream.resume();
    socket.close(tooBig, 'LIMIT_EXCEEDED');
  };
  // Before `ws` reads them: a message must not be answered that is too much.
  stream.prependListener('data', count);
  return () => stream.off('data', count);
}
