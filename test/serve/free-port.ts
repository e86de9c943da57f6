import { createServer } from 'node:net';

/** A port that nobody listens at: for a server whose address must be known before it starts. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address === 'object' && address !== null) return address.port;
  throw new RangeError('a listening server has a port');
}
