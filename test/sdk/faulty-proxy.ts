import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/**
 * A TCP proxy that cuts connections: after so many bytes towards the server or back, as `cutAfter`
 * says for each connection; null lets it live.
 */
export class FaultyProxy {
  cuts = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: false });

  static async start(target: string, cutAfter: () => number | null): Promise<FaultyProxy> {
    const proxy = new FaultyProxy();
    const { hostname, port } = new URL(target);
    proxy.#server.on('connection', (inward) => {
      const outward = connect(Number(port), hostname);
      const limit = cutAfter();
      let bytes = 0;
      const pass = (to: Socket) => (chunk: Buffer) => {
        bytes += chunk.length;
        if (limit === null || bytes <= limit) {
          to.write(chunk);
          return;
        }
        proxy.cuts += 1;
        inward.destroy();
        outward.destroy();
      };
      inward.on('data', pass(outward));
      outward.on('data', pass(inward));
      for (const [one, other] of [
        [inward, outward],
        [outward, inward],
      ] as const) {
        proxy.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          proxy.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
