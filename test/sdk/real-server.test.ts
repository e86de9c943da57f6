import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClientOptions, TickOutcome } from '@tickloom/sdk';
import type { Table } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AshfallClient, type AshfallTick } from '../../examples/ashfall/tickloom.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { Sandbox } from '../serve/sandbox.ts';
import { FaultyProxy } from './faulty-proxy.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

function clientOf(role: string, options: Partial<ClientOptions> = {}) {
  return new AshfallClient({ url: sandbox.url, token: () => sandbox.token(role), ...options });
}

/** One move of one unit a tick: the unit's version counts the ticks applied. */
const move = (tick: number) => (builder: AshfallTick) => {
  builder
    .action({ actionId: `a${tick}`, playerId: 1, kind: 'MOVE', unitIds: [7], x: tick })
    .unitState.upsert({ unitId: 7 }, { ownerId: 1, x: tick });
};

it('runs the tour of its README', async () => {
  const tour = readFileSync(new URL('../../sdk/README.md', import.meta.url), 'utf8');
  const blocks = [...tour.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(blocks.length).toBeGreaterThan(7);
  const code = blocks
    .join('\n')
    .replace("'./tickloom.ts'", "'../../examples/ashfall/tickloom.ts'")
    .replace('http://127.0.0.1:4800', sandbox.url)
    // The tour closes the view; here its rows are looked at first.
    .replace(
      'await pulse.close();',
      'export const live = [...pulse.rows()];\nawait pulse.close();',
    );
  const directory = fileURLToPath(new URL('../.artifacts/', import.meta.url));
  mkdirSync(directory, { recursive: true });
  const file = `${directory}sdk-tour.ts`;
  writeFileSync(file, `${code}\nexport { outcome, unit, groups, table };\n`);
  const { outcome, unit, groups, table, live } = (await import(/* @vite-ignore */ file)) as {
    outcome: TickOutcome;
    unit: { x: number };
    groups: { count: number; avg: { x: number } }[];
    table: Table;
    live: { actions: number }[];
  };
  expect(outcome.accepted).toBe(1);
  expect(outcome.rejections[0]?.conflict?.code).toBe('GUARD_FAILED');
  expect(unit.x).toBe(999);
  expect(live).toMatchObject([{ actions: 1000, rejected: 1 }]);
  expect(groups[0]).toMatchObject({
    count: 599,
    key: { kind: 'MOVE', playerId: 3, tickBucket: 0 },
  });
  expect(table.numRows).toBe(1000);
});

it('commits every tick once through connections that are cut', async () => {
  const lengths = fc.sample(fc.option(fc.integer({ min: 0, max: 20_000 }), { freq: 8 }), 500);
  let connections = 0;
  const proxy = await FaultyProxy.start(sandbox.url, () => lengths[connections++ % 500] ?? null);
  try {
    const options = { url: proxy.url, retry: { attemptsMax: 20, baseMs: 1, maxMs: 20 } };
    const client = clientOf('game-server', options);
    const session = await client.openSession('cut');
    const pipeline = session.pipeline({ inFlightMax: 16 });
    const settled: number[] = [];
    let duplicates = 0;
    for (let tick = 1; tick <= 300; tick += 1) {
      await pipeline.ready();
      void pipeline.commit(tick, move(tick)).then((outcome) => {
        settled.push(outcome.tick);
        if (outcome.duplicate) duplicates += 1;
      });
    }
    await pipeline.drain();
    expect(settled).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(proxy.cuts).toBeGreaterThan(10);
    expect(duplicates).toBeGreaterThan(0);
    const unit = await clientOf('game-server').unitState.get({ sessionId: 'cut', unitId: 7 });
    expect(unit).toMatchObject({ version: 300, x: 300 });
    const { rows } = await clientOf('liveops').matchPulse.rows({
      where: { sessionId: { eq: 'cut' } },
    });
    expect(rows).toMatchObject([{ actions: 300, accepted: 300, lastTick: 300 }]);
  } finally {
    await proxy.close();
  }
});

it.each(['websocket', 'sse'] as const)(
  'follows a view over %s through cuts and a restart of the server',
  async (subscriptions) => {
    const sessionId = `followed-${subscriptions}`;
    let connections = 0;
    const proxy = await FaultyProxy.start(sandbox.url, () =>
      connections++ < 4 ? 3_000 + connections * 500 : null,
    );
    const options = { url: proxy.url, subscriptions, retry: { baseMs: 1, maxMs: 50 } };
    const ops = clientOf('liveops', options);
    const where = { sessionId: { eq: sessionId } };
    const view = ops.matchPulse.changes({ where }).materialize();
    try {
      await view.ready;
      const game = clientOf('game-server');
      const session = await game.openSession(sessionId);
      for (let tick = 1; tick <= 40; tick += 1) await session.commit(tick, move(tick));
      await view.when(lastTickIs(40));
      await sandbox.restart();
      for (let tick = 41; tick <= 50; tick += 1) await session.commit(tick, move(tick));
      await view.when(lastTickIs(50));
      const { rows } = await ops.matchPulse.rows({ where });
      expect([...view.rows()]).toEqual(rows);
      expect(proxy.cuts).toBeGreaterThan(0);
    } finally {
      await view.close();
      await proxy.close();
    }
  },
);

it.each(['websocket', 'sse'] as const)(
  'follows views over %s while tokens expire, each with one snapshot and nothing missed',
  async (subscriptions) => {
    const sessionId = `renewed-${subscriptions}`;
    let asked = 0;
    const token = async () => {
      asked += 1;
      // Whoever gives tokens may be away for a moment, too.
      if (asked === 3) throw new Error('no token now');
      return sandbox.token('liveops', { ttl: '1', subject: `${subscriptions}-${asked}` });
    };
    const ops = clientOf('liveops', { token, subscriptions, retry: { baseMs: 1, maxMs: 20 } });
    const stop = new AbortController();
    const where = { sessionId: { eq: sessionId } };
    const follow = async (frames: AsyncIterable<{ kind: string; rows: readonly object[] }>) => {
      const kinds: string[] = [];
      let row: object | undefined;
      for await (const frame of frames) {
        if (frame.kind !== 'DELTA' || kinds.at(-1) !== 'DELTA') kinds.push(frame.kind);
        row = frame.rows.at(-1) ?? row;
      }
      return { kinds: kinds.filter((kind) => kind !== 'HEARTBEAT' && kind !== 'DELTA'), row };
    };
    const { signal } = stop;
    const followed = [
      follow(ops.matchPulse.changes({ where, signal })),
      follow(ops.matchPulse.changes({ where, signal })),
    ];
    const game = clientOf('game-server');
    const session = await game.openSession(sessionId);
    let tick = 0;
    while (asked < 5) {
      tick += 1;
      await session.commit(tick, move(tick));
    }
    const last = ops.matchPulse.changes({ where }).materialize();
    await last.when(lastTickIs(tick));
    await last.close();
    stop.abort();
    for (const { kinds, row } of await Promise.all(followed)) {
      expect(kinds).toEqual(['SNAPSHOT']);
      expect((row as { lastTick: number }).lastTick).toBeGreaterThan(tick - 100);
    }
  },
);

it('shuts the earlier writer out when the session is taken over', async () => {
  const game = clientOf('game-server');
  const earlier = await game.openSession('taken');
  await earlier.commit(1, move(1));
  const later = await game.openSession('taken', { takeOver: true });
  expect(later.opened.lastTick).toBe(1);
  await expect(earlier.commit(2, move(2))).rejects.toMatchObject({ code: 'FENCED' });
  await later.commit(2, move(2));
});

const lastTickIs = (tick: number) => (rows: Iterable<{ lastTick: number }>) =>
  [...rows].some((row) => row.lastTick === tick);

it('keeps one WebSocket past the end of the token that opened it', async () => {
  let opened = 0;
  class CountedSocket extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      opened += 1;
    }
  }
  const tokens = ['4', '900'].map((ttl) => sandbox.token('liveops', { subject: 'ann', ttl }));
  const [first = ''] = await Promise.all(tokens);
  let asked = 0;
  const token = () => tokens[asked++] ?? Promise.reject(new Error('no more tokens'));
  const client = clientOf('liveops', { token, webSocketImpl: CountedSocket });
  const session = await clientOf('game-server').openSession('long');
  const frames = client.matchPulse.changes({ where: { sessionId: { eq: 'long' } } });
  const reader = frames[Symbol.asyncIterator]();
  expect((await reader.next()).value).toMatchObject({ kind: 'SNAPSHOT' });
  const parameters = { authorization: `Bearer ${first}` };
  const other = await FrameSocket.connect(sandbox.url, parameters);
  expect((await other.closed).reason).toBe('TOKEN_EXPIRED');
  await session.commit(1, move(1));
  let frame = (await reader.next()).value;
  while (frame?.kind === 'HEARTBEAT') frame = (await reader.next()).value;
  expect(frame).toMatchObject({ kind: 'DELTA' });
  expect([asked, opened]).toEqual([2, 1]);
  await reader.return(undefined);
}, 30_000);
