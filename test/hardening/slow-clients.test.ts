import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FramesWaiting } from '../../src/api/graphql/frames-waiting.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { commitTick, Sandbox } from '../serve/sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { framesWaitingBytesMax: 20 * 1024 * 1024, webSocketCloseMs: 300 };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
let tick = 0;
beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('long');
});
afterAll(() => sandbox.stop());

const unitsASession = 1_500;
const text = 'x'.repeat(10_000);

/** Changes units whose frame has some 15 MB, more than the buffers of a connection take. */
async function write(): Promise<void> {
  tick += 1;
  const effects = Array.from({ length: unitsASession }, (_, unitId) => ({
    unitState: {
      upsert: { key: { unitId }, set: { ownerId: tick, blueprint: `${tick} ${text}` } },
    },
  }));
  const input = { sessionId: 'long', tick, effects };
  const answer = await sandbox.ask('game-server', commitTick, { input });
  expect(answer.data?.commitTick).toMatchObject({ tick, aborted: false });
}

/** Another text for each subscriber, as `where` differs. */
const units = (n: number) => `subscription Units($cursor: String) {
  unitStateChanges(where: { sessionId: { eq: "long" }, unitId: { lte: ${10_000 + n} } }, cursor: $cursor) {
    kind cursor rows { unitId ownerId blueprint }
  }
}`;

interface Slow {
  readonly client: FrameSocket;
  readonly cursor: string;
}

/** A client that has its snapshot, and reads nothing from then on. */
async function slowClient(n: number): Promise<Slow> {
  const client = await FrameSocket.connect(sandbox.url, await sandbox.authorization('game-server'));
  client.raw.on('error', () => undefined);
  client.subscribe('1', units(n));
  const { payload } = await client.receive(({ id }) => id === '1');
  client.raw.pause();
  const { cursor, rows } = payload.data.unitStateChanges;
  expect(rows).toEqual([]);
  return { client, cursor };
}

const metric = async (name: string) =>
  Number(
    new RegExp(`^tickloom_${name}\\{title="ashfall"\\} (\\d+)`, 'm').exec(
      await sandbox.metrics(),
    )?.[1],
  );

test('what waits for slow clients has one bound: the slowest is cut and goes on from its cursor (framesWaitingBytesMax)', async () => {
  const clients: Slow[] = [];
  for (let n = 0; n < 3; n++) clients.push(await slowClient(n));
  await write();
  await vi.waitFor(async () => expect(await metric('slow_clients_cut_total')).toBeGreaterThan(0), {
    timeout: 30_000,
    interval: 50,
  });
  // Memory is bounded by the bound and the newest frame.
  expect(await metric('frames_waiting_bytes')).toBeLessThanOrEqual(
    servingLimits.framesWaitingBytesMax + 16 * 1024 * 1024,
  );
  // The server has let it go; its client sees that when it reads again.
  for (const { client } of clients) client.raw.resume();
  const cut = await Promise.race(clients.map((slow) => slow.client.closed.then(() => slow)));
  const { code, reason } = await cut.client.closed;
  // Who does not read in time does not read why, either.
  expect([1006, 1013]).toContain(code);
  if (code === 1013) expect(reason).toBe('OVERLOADED');

  // Nothing of the frame is lost: the cursor from before gives it.
  const resumed = await FrameSocket.connect(sandbox.url, {
    ...(await sandbox.authorization('game-server')),
  });
  resumed.subscribe('1', units(clients.indexOf(cut)), { cursor: cut.cursor });
  const { payload } = await resumed.receive(({ id }) => id === '1');
  const frame = payload.data.unitStateChanges;
  expect(['DELTA', 'RESET']).toContain(frame.kind);
  expect(frame.rows).toHaveLength(unitsASession);
  resumed.close();

  // Nothing waits for clients that have gone.
  for (const { client } of clients) client.raw.terminate();
  await vi.waitFor(async () => expect(await metric('frames_waiting_bytes')).toBe(0));
}, 60_000);

test('an event stream that nobody reads counts as well, and leaves its place', async () => {
  const { port } = new URL(sandbox.url);
  const query = encodeURIComponent(units(7));
  const asking = request({
    host: '127.0.0.1',
    port,
    path: `/ashfall/graphql?query=${query}`,
    headers: { ...(await sandbox.authorization('game-server')), accept: 'text/event-stream' },
  });
  asking.on('error', () => undefined);
  asking.end();
  const [response] = await once(asking, 'response');
  response.pause();
  await vi.waitFor(async () => expect(await metric('frames_waiting_bytes')).toBeGreaterThan(0), {
    timeout: 30_000,
    interval: 50,
  });
  asking.destroy();
  await vi.waitFor(async () => expect(await metric('frames_waiting_bytes')).toBe(0));
}, 60_000);

test('the one that waits longest goes first, and the newest text is let through however long it is', () => {
  const gone: string[] = [];
  let bytes = 0;
  const waiting = new FramesWaiting({
    onBytes: (now) => {
      bytes = now;
    },
    onCut: () => undefined,
  });
  const max = servingLimits.framesWaitingBytesMax;
  const [shared, other, huge] = [{}, {}, {}];
  const wait = (name: string, text: object, size: number) =>
    waiting.wait(text, size, () => gone.push(name));
  wait('a', shared, max / 2);
  const leave = wait('b', shared, max / 2);
  expect(bytes).toBe(max / 2);
  wait('c', other, max / 2);
  expect([bytes, gone]).toEqual([max, []]);
  leave();
  leave();
  expect(bytes).toBe(max);
  wait('d', huge, 3 * max);
  expect([bytes, gone]).toEqual([3 * max, ['a', 'c']]);
});
