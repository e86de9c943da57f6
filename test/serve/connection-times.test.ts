import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { servingLimits } from '../../src/serving-limits.ts';
import { Sandbox } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    webSocketInitMs: 300,
    webSocketPingMs: 400,
    webSocketCloseMs: 200,
    httpHeadersMs: 400,
    httpRequestMs: 2_000,
    httpKeepAliveMs: 500,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** What the server answers to the bytes, and how long it keeps the connection. */
async function answerTo(bytes: string): Promise<{ readonly answer: string; readonly ms: number }> {
  const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.on('data', (data) => {
    answer += String(data);
  });
  socket.write(bytes);
  const startedMs = performance.now();
  await once(socket, 'close');
  return { answer, ms: performance.now() - startedMs };
}

describe('a request', () => {
  test('that does not send its head in time is answered 408', async () => {
    const { answer, ms } = await answerTo('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    expect(answer).toContain('408 Request Timeout');
    expect(ms).toBeGreaterThanOrEqual(servingLimits.httpHeadersMs - 50);
    expect(ms).toBeLessThan(servingLimits.httpRequestMs);
  });

  test('that sends its head, and not its body in time, is answered 408', async () => {
    const { authorization } = await sandbox.authorization('game-server');
    const head = `host: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json`;
    const { answer, ms } = await answerTo(
      `POST /ashfall/graphql HTTP/1.1\r\n${head}\r\ncontent-length: 9\r\n\r\n{`,
    );
    expect(answer).toContain('408 Request Timeout');
    expect(ms).toBeGreaterThanOrEqual(servingLimits.httpRequestMs - 50);
  });

  test('may be followed by another for a while, and then the connection is closed', async () => {
    const { answer, ms } = await answerTo('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(answer).toContain('200 OK');
    expect(ms).toBeGreaterThanOrEqual(servingLimits.httpKeepAliveMs - 50);
  });
});

describe('a WebSocket', () => {
  const open = async (autoPong: boolean) => {
    const url = `${sandbox.url.replace('http', 'ws')}/ashfall/graphql`;
    const socket = new WebSocket(url, 'graphql-transport-ws', { autoPong });
    const closed = once(socket, 'close') as Promise<[number]>;
    await once(socket, 'open');
    return { socket, closed };
  };
  const introduce = async (socket: WebSocket) => {
    const payload = await sandbox.authorization('liveops');
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    await once(socket, 'message');
  };

  test('that does not say in time who it is is closed with 4408', async () => {
    const { closed } = await open(true);
    const startedMs = performance.now();
    expect((await closed)[0]).toBe(4408);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(
      servingLimits.webSocketInitMs - 50,
    );
  });

  test('whose client does not answer a closing is cut', async () => {
    const head = [
      'GET /ashfall/graphql HTTP/1.1',
      'host: x',
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol: graphql-transport-ws',
    ];
    const { answer, ms } = await answerTo(`${head.join('\r\n')}\r\n\r\n`);
    expect(answer).toContain('101 Switching Protocols');
    expect(ms).toBeGreaterThanOrEqual(
      servingLimits.webSocketInitMs + servingLimits.webSocketCloseMs - 50,
    );
    expect(ms).toBeLessThan(2 * servingLimits.webSocketPingMs);
  });

  test('that answers pings stays, and one that does not is cut by the next ping', async () => {
    const answering = await open(true);
    await introduce(answering.socket);
    const silent = await open(false);
    await introduce(silent.socket);
    await once(silent.socket, 'ping');
    const pingedMs = performance.now();
    expect((await silent.closed)[0]).toBe(1006);
    expect(performance.now() - pingedMs).toBeGreaterThanOrEqual(servingLimits.webSocketPingMs - 50);
    expect(answering.socket.readyState).toBe(WebSocket.OPEN);
    answering.socket.close();
    await answering.closed;
  });
});
