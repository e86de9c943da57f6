import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Principal } from '../../../resolvers/context.ts';
import { servingLimits } from '../../serving-limits.ts';
import { bodyLimitOf } from './body-bytes.ts';
import { ControlRate } from './control-rate.ts';
import type { MessageBytes } from './message-bytes.ts';

/** The close code of RFC 6455 that asks a client to try again later. */
const tryAgainLater = 1013;
/** Room for what frames add to a message, and for the next one's beginning in the chunk of its end. */
const aroundMessageBytes = 256 * 1024;

/** How much a WebSocket may send before it is a whole message; undefined: of somebody not signed in. */
export function messageBytesMax(principal: Principal | undefined): number {
  if (principal === undefined) return servingLimits.webSocketInitBytesMax;
  return servingLimits[bodyLimitOf(principal)] + aroundMessageBytes;
}

/**
 * Counts what a client sends beside operations, and closes its WebSocket where that is too much. Of one
 * that has not signed in the bytes are counted, which are few. Returns what counts one more, and tells
 * whether it may be.
 */
export function watchControls(
  socket: WebSocket,
  received: MessageBytes,
  isSignedIn: () => boolean,
): () => boolean {
  const rate = new ControlRate();
  const control = () => {
    if (!isSignedIn() || rate.take()) return true;
    socket.close(tryAgainLater, 'RATE_LIMITED');
    return false;
  };
  const onFrame = (content: Buffer) => {
    if (isSignedIn()) received.control(content);
    control();
  };
  socket.on('ping', onFrame).on('pong', onFrame);
  return control;
}

/** Whether a message begins or ends an operation, of which a client has few at a time. */
export function runsSomething(message: unknown, running: object): boolean {
  const { type, id } = (message ?? {}) as { readonly type?: unknown; readonly id?: unknown };
  if (type === 'complete') return typeof id === 'string' && Object.hasOwn(running, id);
  return type === 'subscribe' || type === 'connection_init';
}

/** Reads nothing more of a client that has not read its answers, until it has. */
export function holdUnread(socket: WebSocket, stream: Duplex): void {
  if (socket.bufferedAmount <= servingLimits.webSocketUnreadBytesMax || stream.isPaused()) return;
  socket.pause();
  stream.once('drain', () => socket.resume());
}
