import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OperationIds } from '../../src/api/graphql/operation-ids.ts';
import { FrameSocket } from './frame-socket.ts';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

const pulse = 'subscription { matchPulseChanges { kind cursor position rows { sessionId } } }';
const units = 'subscription { unitStateChanges { kind rows { unitId } } }';

async function connect(): Promise<FrameSocket> {
  return FrameSocket.connect(sandbox.url, await sandbox.authorization('game-server'));
}

describe('an id that is used again at once', () => {
  test('gets the messages of the new operation alone', async () => {
    const socket = await FrameSocket.connect(sandbox.url, await sandbox.authorization('liveops'));
    for (let round = 0; round < 20; round++) {
      socket.subscribe('1', pulse);
      socket.send({ id: '1', type: 'complete' });
      socket.subscribe('1', '{ __typename }');
      const next = await socket.receive(({ id }) => id === '1');
      expect([next.type, next.payload.data]).toEqual(['next', { __typename: 'Query' }]);
      expect(await socket.receive(({ id }) => id === '1')).toEqual({ id: '1', type: 'complete' });
    }
    socket.close();
    await socket.closed;
  });

  test('keeps its subscription when the old one ends', async () => {
    const socket = await connect();
    socket.subscribe('1', units);
    await socket.receive(({ id }) => id === '1');
    socket.send({ id: '1', type: 'complete' });
    socket.subscribe('1', units);
    expect((await socket.receive(({ id }) => id === '1')).payload.data.unitStateChanges.kind).toBe(
      'SNAPSHOT',
    );
    await sandbox.commit('match', 3);
    const { type, payload } = await socket.receive(({ id }) => id === '1');
    expect([type, payload.data.unitStateChanges.kind]).toEqual(['next', 'DELTA']);
    socket.close();
    await socket.closed;
  });

  test('while its operation runs closes the WebSocket with 4409', async () => {
    const socket = await connect();
    socket.subscribe('1', units);
    await socket.receive(({ id }) => id === '1');
    socket.subscribe('1', units);
    expect((await socket.closed).code).toBe(4409);
  });
});

describe('the ids of a WebSocket', () => {
  test.each(['1', 'a:b', '"', '\\', '\u2028', 'ü"\\:', '\ud800'])(
    'give %j back as it came, and nothing after the end',
    (id) => {
      const ids = new OperationIds();
      const inner = ids.begin(id);
      expect(ids.begin(id)).toBeNull();
      const message = (type: string) => JSON.stringify({ id: inner, type, payload: {} });
      const next = ids.outgoing(message('next')) ?? '';
      expect(JSON.parse(next)).toEqual({ id, type: 'next', payload: {} });
      expect(ids.outgoing(message('complete'))).not.toBeNull();
      expect(ids.outgoing(message('next'))).toBeNull();
      expect(ids.begin(id)).not.toBe(inner);
      expect(ids.outgoing(message('next'))).toBeNull();
    },
  );
});
