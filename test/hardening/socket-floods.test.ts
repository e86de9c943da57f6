import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { Sandbox } from '../serve/sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { webSocketUnreadBytesMax: 64 * 1024, webSocketFragmentsMax: 50 };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

async function signedIn(role: string): Promise<FrameSocket> {
  const flooding = await FrameSocket.connect(sandbox.url, await sandbox.authorization(role));
  flooding.raw.on('error', () => undefined);
  return flooding;
}

const pong = ({ type }: { readonly type: string }) => type === 'pong';

async function isAlive(): Promise<void> {
  expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
}

const most = servingLimits.webSocketControlsPerSecondMax;

describe('what a WebSocket sends beside operations is bounded (webSocketControlsPerSecondMax)', () => {
  test.each<[string, (socket: WebSocket, i: number) => unknown]>([
    [
      'frames of ping',
      (socket) => {
        const answered = new Promise((resolve) => socket.once('pong', resolve));
        socket.ping('x');
        return answered;
      },
    ],
    ['frames of pong', (socket) => socket.pong('x')],
    ['messages of ping', (socket) => socket.send('{"type":"ping"}')],
    ['messages of pong', (socket) => socket.send('{"type":"pong"}')],
    ['ends of what never began', (socket, i) => socket.send(`{"type":"complete","id":"${i}"}`)],
    ['ends of one name again and again', (socket) => socket.send('{"type":"complete","id":"x"}')],
  ])('%s', async (name, send) => {
    const flooding = await signedIn('player');
    for (let i = 0; i < most - 1; i++) await send(flooding.raw, i);
    flooding.send({ type: 'ping' });
    await flooding.receive(pong);
    for (let i = 0; i < 2 * most; i++) void send(flooding.raw, i);
    // Pings in a burst, which nobody can have had answers to, are cut by the library before.
    expect(await flooding.closed).toEqual(
      name === 'frames of ping'
        ? { code: expect.toBeOneOf([1006, 1013]), reason: expect.anything() }
        : { code: 1013, reason: 'RATE_LIMITED' },
    );
    await isAlive();
  });

  test('operations and their ends are none of it', async () => {
    const asking = await signedIn('game-server');
    for (let i = 0; i < 3 * most; i++) {
      asking.subscribe(`${i}`, '{ __typename }');
      await asking.receive(({ type }) => type === 'complete');
    }
    const follow = 'subscription { matchPulseChanges { kind } }';
    for (let i = 0; i < most; i++) {
      asking.subscribe('s', follow);
      asking.subscribe('t', follow);
      asking.send({ type: 'complete', id: 's' });
      asking.send({ type: 'complete', id: 't' });
    }
    asking.send({ type: 'ping' });
    await asking.receive(pong);
    asking.close();
  });
});

describe('a message that is never whole', () => {
  test('is held up to what the role may send, and not longer', async () => {
    const { raw: socket, closed } = await signedIn('player');
    // A player's question has a megabyte; a tick may have 32.
    const piece = Buffer.alloc(64 * 1024, ' ');
    const timer = setInterval(() => socket.send(piece, { fin: false, binary: false }), 1);
    const { code } = await closed;
    clearInterval(timer);
    expect([1006, 1009]).toContain(code);
    await isAlive();
  });

  test('is no longer for pings between its parts', async () => {
    const { raw: socket, closed } = await signedIn('player');
    const piece = Buffer.alloc(64 * 1024, ' ');
    for (let i = 0; i < 40; i++) {
      socket.send(piece, { fin: false, binary: false });
      if (i % 2 === 0) socket.ping('x'.repeat(100));
    }
    expect([1006, 1009]).toContain((await closed).code);
    await isAlive();
  });

  test('has so many parts, and not one more (webSocketFragmentsMax)', async () => {
    const send = (socket: WebSocket, parts: number) => {
      const text = '{"type":"ping"}'.padEnd(parts, ' ');
      for (let i = 0; i < parts; i++) {
        socket.send(text[i] ?? ' ', { fin: i === parts - 1, binary: false });
      }
    };
    const flooding = await signedIn('player');
    send(flooding.raw, servingLimits.webSocketFragmentsMax);
    await flooding.receive(pong);
    send(flooding.raw, servingLimits.webSocketFragmentsMax + 1);
    expect((await flooding.closed).code).toBe(1008);
    await isAlive();
  });
});

test('a client that does not read its answers is not read either, and goes on where it does (webSocketUnreadBytesMax)', async () => {
  const { raw: socket } = await signedIn('game-server');
  const answers: string[] = [];
  socket.on('message', (data) => answers.push(String(data)));
  socket.pause();
  // Each is answered by an error that repeats the id.
  const id = 'x'.repeat(30_000);
  const count = 1_000;
  const send = (i: number) =>
    socket.send(JSON.stringify({ type: 'subscribe', id: `${i}${id}`, payload: { query: '{' } }));
  for (let i = 0; i < count; i++) send(i);
  // What the server has not read fills the way to it: the client cannot get rid of it.
  await vi.waitFor(() => expect(socket.bufferedAmount).toBeGreaterThan(0));
  const before = socket.bufferedAmount;
  await isAlive();
  expect(socket.bufferedAmount).toBe(before);
  socket.resume();
  await vi.waitFor(() => expect(answers).toHaveLength(count), { timeout: 30_000, interval: 50 });
  socket.close();
}, 60_000);
