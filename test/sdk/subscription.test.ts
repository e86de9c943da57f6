import type { ClientOptions } from '@tickloom/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { FeedServer, pulse } from './feed-server.ts';

describe.each(['websocket', 'sse'] as const)('subscription over %s', (subscriptions) => {
  let server: FeedServer;
  beforeEach(async () => {
    server = await FeedServer.start();
  });
  afterEach(() => server.close());

  function connect(options: Partial<ClientOptions> = {}) {
    const retry = { attemptsMax: 4, baseMs: 1, maxMs: 4 };
    return new AshfallClient({
      url: server.url,
      token: 'secret',
      subscriptions,
      retry,
      ...options,
    });
  }

  it('gives a snapshot, then deltas', async () => {
    server.change([pulse('m1', 1)]);
    const kinds: unknown[] = [];
    for await (const frame of connect().matchPulse.changes()) {
      kinds.push([frame.kind, frame.rows.map((row) => row.actions), frame.removed]);
      if (kinds.length === 1) server.change([pulse('m2', 5)], ['m1']);
      else break;
    }
    expect(kinds).toEqual([
      ['SNAPSHOT', [1], []],
      ['DELTA', [5], [{ sessionId: 'm1' }]],
    ]);
  });

  it('goes on from the last cursor when the connection breaks', async () => {
    server.change([pulse('m1', 1)]);
    const frames: (readonly [string, string])[] = [];
    for await (const { kind, cursor } of connect().matchPulse.changes()) {
      frames.push([kind, cursor]);
      if (frames.length === 1) {
        server.cut();
        server.change([pulse('m1', 2)]);
        server.change([pulse('m1', 3)]);
      }
      if (frames.length === 3) break;
    }
    expect(frames).toEqual([
      ['SNAPSHOT', '1'],
      ['DELTA', '2'],
      ['DELTA', '3'],
    ]);
    expect(server.subscribed.map(({ cursor }) => cursor)).toEqual([null, '1']);
  });

  it('resumes in another process from a cursor that was kept', async () => {
    for (let i = 1; i <= 3; i += 1) server.change([pulse('m1', i)]);
    for await (const frame of connect().matchPulse.changes({ cursor: '2' })) {
      expect(frame).toMatchObject({ kind: 'DELTA', cursor: '3' });
      break;
    }
  });

  it('keeps a view that equals the truth through cuts and resets', async () => {
    server.change([pulse('m1', 1), pulse('m2', 1)]);
    const view = connect().matchPulse.changes().materialize();
    await view.ready;
    const kinds = new Set<string>();
    view.observe(({ kind }) => kinds.add(kind));
    for (let i = 2; i < 30; i += 1) {
      server.change([pulse(`m${i % 7}`, i)], i % 3 === 0 ? [`m${(i + 1) % 7}`] : []);
      if (i % 10 === 0) {
        // The second time the feed has forgotten what the client missed.
        server.remembered = i === 20 ? 0 : 100;
        server.cut();
        server.change([pulse('m9', i)]);
        await view.when((rows) => [...rows].some((row) => row.actions === i));
      }
    }
    await view.when(() => view.position === '0:31');
    const sorted = (rows: Iterable<{ sessionId: string }>) =>
      [...rows].sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
    expect(sorted(view.rows())).toEqual(sorted(server.rows));
    expect(view.size).toBe(server.rows.length);
    expect(view.get({ sessionId: 'm9' })?.actions).toBe(20);
    expect(kinds).toContain('RESET');
    await view.close();
  });

  it('disconnects when the loop is left', async () => {
    for await (const _frame of connect().matchPulse.changes()) break;
    expect(server.subscribed).toHaveLength(1);
    await vi.waitFor(() => {
      server.change([pulse('m1', 1)]);
      expect(server.active).toBe(0);
    });
  });

  it('disconnects when its signal aborts', async () => {
    const controller = new AbortController();
    const kinds: string[] = [];
    for await (const { kind } of connect().matchPulse.changes({ signal: controller.signal })) {
      kinds.push(kind);
      controller.abort();
    }
    expect(kinds).toEqual(['SNAPSHOT']);
    await vi.waitFor(() => {
      server.change([pulse('m1', 1)]);
      expect(server.active).toBe(0);
    });
  });

  it('throws what the server refuses for good', async () => {
    server.refusals.push('FORBIDDEN');
    const frames = connect().matchPulse.changes()[Symbol.asyncIterator]();
    await expect(frames.next()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(server.subscribed).toHaveLength(1);
  });

  it('comes back after a refusal that passes', async () => {
    server.refusals.push('UNAVAILABLE', 'INTERNAL', 'OVERLOADED');
    const frames = connect().matchPulse.changes()[Symbol.asyncIterator]();
    await expect(frames.next()).resolves.toMatchObject({ value: { kind: 'SNAPSHOT' } });
    await frames.return(undefined);
  });

  it('gives up when the first connection never succeeds', async () => {
    const client = connect();
    await server.close();
    const frames = client.matchPulse.changes()[Symbol.asyncIterator]();
    await expect(frames.next()).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    server = await FeedServer.start();
  });

  it('throws OVERLOADED to a reader that asked to be disconnected for lag', async () => {
    server.refusals.push('OVERLOADED');
    const changes = connect().matchPulse.changes({ onLag: 'DISCONNECT' });
    const frames = changes[Symbol.asyncIterator]();
    await expect(frames.next()).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('takes another token when the server refuses the last', async () => {
    server.change([pulse('m1', 1)]);
    server.tokens = new Set(['token-2']);
    let asked = 0;
    const token = () => {
      asked += 1;
      return `token-${asked}`;
    };
    const frames = connect({ token }).matchPulse.changes()[Symbol.asyncIterator]();
    await expect(frames.next()).resolves.toMatchObject({ value: { kind: 'SNAPSHOT' } });
    expect(server.subscribed).toEqual([{ cursor: null, token: 'token-2' }]);
    await frames.return(undefined);
  });

  it('goes on while tokens expire on their way, a bounded number of times', async () => {
    server.change([pulse('m1', 1)]);
    server.tokens = new Set(['token-1']);
    let asked = 0;
    const token = () => {
      asked += 1;
      return `token-${asked}`;
    };
    const frames = connect({ token }).matchPulse.changes()[Symbol.asyncIterator]();
    await frames.next();
    server.tokens = new Set(['token-4']);
    server.cut();
    server.change([pulse('m1', 2)]);
    await expect(frames.next()).resolves.toMatchObject({ value: { kind: 'DELTA', cursor: '2' } });
    server.tokens = new Set();
    server.cut();
    await expect(frames.next()).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
    // As many tries as any other failure gets, each with a token of its own.
    expect(asked - 4).toBeLessThanOrEqual(4);
  });

  it('connects anew when the server falls silent', async () => {
    server.change([pulse('m1', 1)]);
    const client = connect({ subscriptionIdleMs: 30 });
    const frames = client.matchPulse.changes()[Symbol.asyncIterator]();
    await frames.next();
    const next = frames.next();
    await vi.waitFor(() => expect(server.subscribed.length).toBeGreaterThan(1));
    server.change([pulse('m1', 2)]);
    await expect(next).resolves.toMatchObject({ value: { kind: 'DELTA', cursor: '2' } });
    await frames.return(undefined);
  });

  it('lets a slow reader have everything, resuming where its buffer ended', async () => {
    server.remembered = 10_000;
    server.change([pulse('m1', 0)]);
    const cursors: number[] = [];
    for await (const { cursor } of connect().matchPulse.changes()) {
      cursors.push(Number(cursor));
      if (cursors.length === 1) {
        // Far more than is buffered, while this loop does not read.
        for (let i = 1; i < 1_000; i += 1) server.change([pulse('m1', i)]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      if (cursors.length === 1_000) break;
    }
    expect(cursors).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
  });
});

describe('subscriptions over one WebSocket', () => {
  it('share it, and close it when the last one ends', async () => {
    const server = await FeedServer.start();
    try {
      const client = new AshfallClient({ url: server.url, token: 'secret' });
      const one = client.matchPulse.changes().materialize();
      const two = client.matchPulse.changes().materialize();
      await Promise.all([one.ready, two.ready]);
      expect(server.connections).toBe(1);
      await one.close();
      expect(server.connections).toBe(1);
      await two.close();
      await vi.waitFor(() => expect(server.connections).toBe(0), 5_000);
    } finally {
      await server.close();
    }
  });
});

describe('a token on its way over a WebSocket', () => {
  let server: FeedServer;
  beforeEach(async () => {
    server = await FeedServer.start();
    server.tokens = new Set(['token-1']);
    server.change([pulse('m1', 1)]);
  });
  afterEach(() => server.close());

  function frames(token: ClientOptions['token']) {
    const client = new AshfallClient({ url: server.url, token });
    return client.matchPulse.changes()[Symbol.asyncIterator]();
  }

  it('is followed by another one before it expires, and the subscription goes on', async () => {
    server.tokenLifeMs = 20;
    const refreshed = server.nextRefresh();
    let asked = 0;
    const reader = frames(() => `token-${++asked}`);
    expect((await reader.next()).value).toMatchObject({ kind: 'SNAPSHOT' });
    await refreshed;
    await server.nextRefresh();
    server.change([pulse('m1', 2)]);
    expect((await reader.next()).value).toMatchObject({ kind: 'DELTA' });
    expect(server.refreshed.slice(0, 2)).toEqual(['token-2', 'token-3']);
    expect(server.subscribed).toHaveLength(1);
    await reader.return(undefined);
  });

  it('stays where there is no other, or where nobody says how long it lives', async () => {
    for (const [token, lifeMs] of [
      ['token-1', 4],
      [() => 'token-1', null],
    ] as const) {
      server.tokenLifeMs = lifeMs;
      const reader = frames(token);
      expect((await reader.next()).value).toMatchObject({ kind: 'SNAPSHOT' });
      server.change([pulse('m1', 2)]);
      expect((await reader.next()).value).toMatchObject({ kind: 'DELTA' });
      await reader.return(undefined);
    }
    expect(server.refreshed).toEqual([]);
  });
});
