import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ToBareServer } from './fanout-config.ts';

/** A WebSocket server that does nothing but send one text to all of its sockets, again and again. */
const sockets = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  handleProtocols: () => 'graphql-transport-ws',
});
let timer: NodeJS.Timeout | null = null;
let tick = 0;

sockets.once('listening', () => {
  process.send?.({ kind: 'listening', port: (sockets.address() as AddressInfo).port });
});
process.on('message', (message: ToBareServer) => {
  if (timer !== null) clearInterval(timer);
  timer = null;
  if (message.kind === 'stop') return;
  const { text, everyMs } = message;
  timer = setInterval(() => {
    tick += 1;
    // Another text of the same length each time, as a frame is.
    const frame = text.replace(/"tick":\d+/, (old) => `"tick":${tick}`.padEnd(old.length));
    for (const client of sockets.clients) client.send(frame);
  }, everyMs);
});
process.on('disconnect', () => process.exit());
