import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { type OpenColumnStore, openColumnStore } from '../../engine/columns/open-column-store.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { kills } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { catalog } from './fabricate.ts';
import { SeededRandom } from './random.ts';
import { bounds, countOf, temporaryDirectory } from './stores.ts';
import { expectedRows, tickOf } from './workload.ts';

/** A way over TCP to the host's socket, that can be cut. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;

  constructor(socketPath: string) {
    this.#server = createServer((near) => {
      if (this.#isHeld) {
        this.#sockets.add(near);
        return;
      }
      const far = createConnection(socketPath);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on connections stay, and nothing passes. */
  hold(): void {
    this.#isHeld = true;
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

const directory = temporaryDirectory();
let host: EmbeddedHost;
let relay: Relay;
let store: OpenColumnStore;
/** The last position that was shipped. */
let lsn = 0;
beforeAll(async () => {
  host = await EmbeddedHost.start(directory.path, silentLogger);
  relay = new Relay(host.socketPath);
  const url = `http://default:${host.secret}@127.0.0.1:${await relay.listen()}`;
  const spoolDirectory = `${directory.path}/own/spool`;
  store = await openColumnStore({ catalog, target: { url }, directory: '', spoolDirectory });
});
afterAll(async () => {
  await store.close();
  relay.close();
  await host.close();
  directory.remove();
});

describe('a store behind a URL', () => {
  it('holds every row once when the connection is cut at random moments', async () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < kills(8); round++) {
      for (const until = lsn + 25; lsn < until; ) {
        lsn += 1;
        store.offer(tickOf(lsn));
        store.advance(asLsn(lsn));
      }
      const covered = store.waitForCovered(testTicket.within(20_000), asLsn(lsn));
      await new Promise((resolve) => setTimeout(resolve, random.below(25)));
      relay.cut();
      await covered;
    }
    const expected = expectedRows(lsn);
    expect(await countOf(store, 'orders')).toBe(expected.orders);
    expect(await countOf(store, 'facts')).toBe(expected.facts);
    expect(await countOf(store, 'units')).toBe(expected.units);
    const { rows } = await store.sql(
      testTicket,
      'SELECT count() FROM units_history',
      {},
      1,
      bounds,
      'whole',
    );
    expect(Number(rows[0]?.[0])).toBe(expected.history);
  });

  it('exports one Arrow stream', async () => {
    const chunks: Uint8Array[] = [];
    const bytes = await store.export(testTicket, {
      source: { kind: 'table', table: 'orders', where: null, columns: null },
      format: 'ARROW_STREAM',
      compression: 'NONE',
      sinceLsn: null,
      asOfLsn: asLsn(lsn),
    });
    for await (const chunk of bytes) chunks.push(chunk);
    expect(tableFromIPC(Buffer.concat(chunks)).numRows).toBe(expectedRows(lsn).orders);
  });

  it('fails an export whose connection is cut, and never ends it as if it were whole', async () => {
    const bytes = await store.export(testTicket, {
      source: {
        kind: 'sql',
        query: 'SELECT number FROM numbers(1000000000000)',
        parameters: {},
        seen: 'whole',
      },
      format: 'PARQUET',
      compression: 'NONE',
      sinceLsn: null,
      asOfLsn: asLsn(lsn),
    });
    const read = async () => {
      for await (const chunk of bytes) if (chunk.byteLength > 0) relay.cut();
    };
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('has no child of its own', () => {
    expect(store.childPid).toBeNull();
    expect(store.childStartSeconds).toBeNull();
  });

  it('is closed soon though nobody answers its insert', async () => {
    const lsn = store.advancedLsn + 4;
    relay.hold();
    store.offer(tickOf(lsn));
    store.advance(asLsn(lsn));
    const covered = expect(
      store.waitForCovered(testTicket.within(60_000), asLsn(lsn)),
    ).rejects.toThrow('closed');
    const started = performance.now();
    await store.close();
    await covered;
    expect(performance.now() - started).toBeLessThan(4 * limits.columnsCloseWaitMs);
  });
});
