import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SocketOperations } from '../../src/api/graphql/socket-operations.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { Sandbox } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, webSocketOperationsMax: 4 } };
});

const pulse = 'subscription { matchPulseChanges { kind cursor position rows { sessionId } } }';

let sandbox: Sandbox;
let socket: FrameSocket;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());
beforeEach(async () => {
  socket = await FrameSocket.connect(sandbox.url, await sandbox.authorization('liveops'));
});
afterEach(async () => {
  socket.close();
  await socket.closed;
});

function complete(id: string): void {
  socket.send({ id, type: 'complete' });
}

/** OK: the operation has a place. */
async function codeOf(id: string): Promise<string> {
  const { type, payload } = await socket.receive((message) => message.id === id);
  return type === 'error' ? payload[0].extensions.code : 'OK';
}

/** What was sent before has been taken once this is answered, whatever is said to it. */
async function answered(id: string): Promise<void> {
  socket.subscribe(id, 'no operation');
  await socket.receive((message) => message.id === id);
}

/** Takes all places, and tells that there was one for each. */
async function fill(): Promise<void> {
  for (let i = 0; i < servingLimits.webSocketOperationsMax; i++) {
    socket.subscribe(`running ${i}`, pulse);
    expect(await codeOf(`running ${i}`)).toBe('OK');
  }
}

describe('an operation on a WebSocket leaves its place', () => {
  test.each([
    ['is refused', 'no operation'],
    ['runs', '{ __typename }'],
    ['begins', pulse],
  ])('when its client completes it while it %s', async (_, query) => {
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < servingLimits.webSocketOperationsMax; i++) {
        socket.subscribe(`${round} ${i}`, query);
        complete(`${round} ${i}`);
      }
      await answered(`after ${round}`);
    }
    await fill();
  });

  test('to the next one, which may come with the completion', async () => {
    await fill();
    for (let i = 0; i < 50; i++) {
      complete(`running ${i}`);
      const next = `running ${i + servingLimits.webSocketOperationsMax}`;
      socket.subscribe(next, pulse);
      expect(await codeOf(next)).toBe('OK');
    }
    socket.subscribe('one more', pulse);
    expect(await codeOf('one more')).toBe('LIMIT_EXCEEDED');
  });

  test('all at once, as a client does that shows something else now', async () => {
    await fill();
    for (let i = 0; i < servingLimits.webSocketOperationsMax; i++) complete(`running ${i}`);
    await fill();
  });

  test('but not without end, where many that are completed take long to end', () => {
    const operations = new SocketOperations<{ abandon(): void }>();
    const payloads = Array.from({ length: 2 * servingLimits.webSocketOperationsMax }, () => ({}));
    let abandoned = 0;
    for (const payload of payloads) {
      expect(operations.hasRoom).toBe(true);
      operations.begin('a', payload, { abandon: () => abandoned++ });
      operations.leave(() => false);
    }
    expect(abandoned).toBe(payloads.length);
    expect(operations.hasRoom).toBe(false);
    operations.end(payloads[3] as object);
    expect(operations.hasRoom).toBe(true);
  });
});
