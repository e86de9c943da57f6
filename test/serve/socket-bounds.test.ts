import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { Sandbox } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { webSocketsMax: 3, webSocketOperationsMax: 4, graphqlBodyBytesMax: 64 * 1024 };
  return { servingLimits: { ...servingLimits, ...small } };
});

const pulse = 'subscription { matchPulseChanges { kind cursor position rows { sessionId } } }';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

async function connect(): Promise<FrameSocket> {
  return FrameSocket.connect(sandbox.url, { ...(await sandbox.authorization('liveops')) });
}

async function close(socket: FrameSocket): Promise<void> {
  socket.close();
  await socket.closed;
}

describe('at its bounds the server', () => {
  test('opens so many WebSockets and no more, until one is closed', async () => {
    const sockets: FrameSocket[] = [];
    for (let i = 0; i < servingLimits.webSocketsMax; i++) sockets.push(await connect());
    await expect(connect()).rejects.toThrow('Unexpected server response: 503');
    for (const socket of sockets.splice(1)) await close(socket);
    for (let i = 1; i < servingLimits.webSocketsMax; i++) sockets.push(await connect());
    await expect(connect()).rejects.toThrow('Unexpected server response: 503');
    for (const socket of sockets) await close(socket);
  });

  test('runs so many operations on one WebSocket and no more, until one completes', async () => {
    const socket = await connect();
    const codeOf = async (id: string) => {
      socket.subscribe(id, pulse);
      const { type, payload } = await socket.receive((message) => message.id === id);
      return type === 'error' ? payload[0].extensions.code : 'OK';
    };
    const ids = Array.from(
      { length: servingLimits.webSocketOperationsMax },
      (_, i) => `running ${i}`,
    );
    for (const id of ids) expect(await codeOf(id)).toBe('OK');
    expect(await codeOf('one more')).toBe('LIMIT_EXCEEDED');
    expect(await codeOf('one more')).toBe('LIMIT_EXCEEDED');
    socket.send({ id: ids[0], type: 'complete' });
    // Whatever is said to this: once it is answered, the completion has been taken.
    socket.subscribe('meanwhile', 'no operation');
    await socket.receive(({ id }) => id === 'meanwhile');
    expect(await codeOf('in its place')).toBe('OK');
    expect(await codeOf('one more')).toBe('LIMIT_EXCEEDED');
    await close(socket);
  });

  test('takes a message of so many bytes, and closes a WebSocket that sends one more', async () => {
    const socket = await connect();
    const ofBytes = (bytes: number) => {
      const message = (query: string) => ({ id: '1', type: 'subscribe', payload: { query } });
      return message('{ __typename }'.padEnd(bytes - JSON.stringify(message('')).length));
    };
    socket.send(ofBytes(servingLimits.graphqlBodyBytesMax));
    expect(await socket.receive(({ id }) => id === '1')).toMatchObject({ type: 'next' });
    socket.send(ofBytes(servingLimits.graphqlBodyBytesMax + 1));
    expect(await socket.closed).toMatchObject({ code: 1009 });
  });
});
