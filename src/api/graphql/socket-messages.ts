import type { WebSocket } from 'ws';
import { servingLimits } from '../../serving-limits.ts';

/** Resolves once the message has left, which holds a subscription to the pace of its client. */
export function send(socket: WebSocket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, { binary: false }, (error) => (error ? reject(error) : resolve()));
  });
}

/** As `send`, in fragments of one message: none gets between those that are handed over in one go. */
export function sendPieces(socket: WebSocket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces.slice(0, -1)) {
    if (socket.readyState !== socket.OPEN) return Promise.resolve();
    socket.send(piece, { binary: false, fin: false });
  }
  return send(socket, pieces.at(-1) ?? '');
}

/** A socket that has not answered one ping by the next is gone. */
export function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, servingLimits.webSocketPingMs);
  return () => clearInterval(timer);
}
