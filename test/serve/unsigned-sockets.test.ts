import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { UnsignedSockets } from '../../src/api/graphql/unsigned-sockets.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { webSocketsUnsignedMax: 6, webSocketsUnsignedPerAddressMax: 4 };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

function open(options: { readonly perMessageDeflate?: boolean } = {}): WebSocket {
  const url = `${sandbox.url.replace('http', 'ws')}/ashfall/graphql`;
  return new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false, ...options });
}

async function opened(): Promise<WebSocket> {
  const socket = open();
  await once(socket, 'open');
  return socket;
}

async function closed(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(socket, 'close');
  return { code, reason: String(reason) };
}

async function isAlive(): Promise<void> {
  expect(codeOf(await sandbox.ask('liveops', '{ __typename }'))).toBe('OK');
}

describe('a WebSocket that is not signed in', () => {
  test('that begins a message larger than a first one needs is closed with 1009', async () => {
    const socket = await opened();
    const end = closed(socket);
    socket.send(Buffer.alloc(24 * 1024 * 1024, ' '), { fin: false });
    expect(await end).toEqual({ code: 1009, reason: 'LIMIT_EXCEEDED' });
    await isAlive();
  });

  test('may send so many bytes, and not one more (webSocketInitBytesMax)', async () => {
    const frameBytes = 8;
    const init = (bytes: number) => {
      const message = (padding: string) =>
        JSON.stringify({ type: 'connection_init', payload: { padding } });
      return message('x'.repeat(bytes - frameBytes - message('').length));
    };
    const most = servingLimits.webSocketInitBytesMax;
    for (const [bytes, code] of [
      [most, 4401],
      [most + 1, 1009],
    ] as const) {
      const socket = await opened();
      const end = closed(socket);
      socket.send(init(bytes));
      expect((await end).code).toBe(code);
    }
  });

  test('that floods with pings is closed too', async () => {
    const socket = await opened();
    const end = closed(socket);
    for (let i = 0; i < 1_000; i++) socket.ping(Buffer.alloc(120));
    // Who goes on sending may lose the message that says why.
    expect([1006, 1009]).toContain((await end).code);
    await isAlive();
  });

  test('is one of a few from one address, until some sign in or leave', async () => {
    const { webSocketsUnsignedPerAddressMax: most } = servingLimits;
    const refused = async () => {
      const socket = open();
      const [, response] = await once(socket, 'unexpected-response');
      const body: Buffer[] = await response.toArray();
      socket.on('error', () => undefined).terminate();
      return [response.statusCode, codeOf(JSON.parse(String(Buffer.concat(body))))];
    };
    const sockets: WebSocket[] = [];
    for (let i = 0; i < most; i++) sockets.push(await opened());
    expect(await refused()).toEqual([429, 'RATE_LIMITED']);
    const [first, second] = sockets.splice(0, 2) as [WebSocket, WebSocket];
    first.send(
      JSON.stringify({
        type: 'connection_init',
        payload: await sandbox.authorization('liveops'),
      }),
    );
    await once(first, 'message');
    sockets.push(await opened());
    expect(await refused()).toEqual([429, 'RATE_LIMITED']);
    const gone = closed(second);
    second.close();
    await gone;
    sockets.push(await opened());
    expect(await refused()).toEqual([429, 'RATE_LIMITED']);
    for (const socket of [first, ...sockets]) {
      const end = closed(socket);
      socket.close();
      await end;
    }
    await isAlive();
  });

  test('is one of so many of the server (webSocketsUnsignedMax, webSocketsUnsignedPerAddressMax)', () => {
    const sockets = new UnsignedSockets();
    const { webSocketsUnsignedMax, webSocketsUnsignedPerAddressMax } = servingLimits;
    const leave = Array.from({ length: webSocketsUnsignedPerAddressMax }, () => sockets.add('a'));
    expect(sockets.refusal('a')?.code).toBe('RATE_LIMITED');
    for (let i = leave.length; i < webSocketsUnsignedMax; i++) {
      expect(sockets.refusal('b')).toBeNull();
      leave.push(sockets.add('b'));
    }
    expect(sockets.refusal('c')).toMatchObject({ code: 'OVERLOADED', retryable: true });
    for (const one of [...leave, ...leave]) one();
    expect(sockets.total).toBe(0);
    expect(sockets.refusal('a')).toBeNull();
  });

  test('gets no compression, whatever it offers', async () => {
    const socket = open({ perMessageDeflate: true });
    await once(socket, 'open');
    expect(socket.extensions).toBe('');
    socket.terminate();
  });
});

describe('a WebSocket that is signed in', () => {
  test('may send more than one that is not', async () => {
    const socket = await FrameSocket.connect(sandbox.url, await sandbox.authorization('liveops'));
    socket.subscribe('1', '{ __typename }'.padEnd(2 * servingLimits.webSocketInitBytesMax));
    expect(await socket.receive(({ id }) => id === '1')).toMatchObject({ type: 'next' });
    socket.close();
    await socket.closed;
  });
});
