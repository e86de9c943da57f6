import { afterAll, beforeAll, expect, test } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';

const { graphqlQuestionBytesMax } = servingLimits;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** A request of exactly so many bytes. */
function ofBytes(bytes: number): string {
  const body = JSON.stringify({ query: '{ __typename }', extensions: { padding: '' } });
  return body.replace('"padding":""', `"padding":"${'x'.repeat(bytes - body.length)}"`);
}

test('a question of so many bytes is read, and not one more (graphqlQuestionBytesMax)', async () => {
  const post = async (role: string, bytes: number) => {
    const headers = { ...(await sandbox.authorization(role)), 'content-type': 'application/json' };
    const answer = await sandbox.post(ofBytes(bytes), headers);
    return [answer.status, codeOf(answer)];
  };
  expect(await post('analyst', graphqlQuestionBytesMax)).toEqual([200, 'OK']);
  expect(await post('analyst', graphqlQuestionBytesMax + 1)).toEqual([413, 'LIMIT_EXCEEDED']);
  expect(await post('game-server', graphqlQuestionBytesMax + 1)).toEqual([200, 'OK']);
});

test('a WebSocket of a role that cannot commit is closed by a larger message', async () => {
  const socket = await FrameSocket.connect(sandbox.url, await sandbox.authorization('analyst'));
  const message = (bytes: number) => {
    const withPadding = (padding: string) => ({
      id: '1',
      type: 'subscribe',
      payload: { query: '{ __typename }', extensions: { padding } },
    });
    return withPadding('x'.repeat(bytes - JSON.stringify(withPadding('')).length));
  };
  socket.send(message(graphqlQuestionBytesMax));
  await socket.receive(({ type }) => type === 'complete');
  socket.send(message(graphqlQuestionBytesMax + 1));
  expect(await socket.closed).toMatchObject({ code: 1009 });
});
