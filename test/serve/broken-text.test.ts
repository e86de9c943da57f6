import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Answer, answerOf, codeOf, commitTick, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let positionBefore: string;

beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

beforeEach(async () => {
  positionBefore = await sandbox.position();
});

afterEach(async () => {
  expect(await sandbox.position()).toBe(positionBefore);
});

async function post(body: Buffer): Promise<Answer> {
  const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      'content-type': 'application/json',
    },
    body: body as BodyInit,
  });
  return answerOf(response);
}

/** The body of a tick, in which `~` stands where a test puts something else. */
function bodyOf(document: string, action: object, set: object = {}): string {
  const effects = [{ unitState: { upsert: { key: { unitId: 1 }, set: { ownerId: 1, ...set } } } }];
  const actions = [{ actionId: 'a', playerId: 1, kind: 'MOVE', unitIds: [], effects, ...action }];
  const input = { sessionId: 'match', tick: 3, actions };
  return JSON.stringify({ query: document, variables: { input } });
}

const unknown = commitTick.replace('Commit(', 'Unknown(');

describe.each([
  ['known', commitTick],
  ['unknown', unknown],
])('a tick of a document that is %s', (_name, document) => {
  test.each<[string, object, object]>([
    ['an action id', { actionId: 'a~' }, {}],
    ['a column', {}, { blueprint: 'a~' }],
    ['JSON', { payload: { text: ['a~'] } }, {}],
  ])('with bytes that are not UTF-8 in %s is refused', async (_place, action, set) => {
    const body = Buffer.from(bodyOf(document, action, set));
    body[body.lastIndexOf('~')] = 0xff;
    expect(codeOf(await post(body))).toBe('BAD_USER_INPUT');
  });

  test.each<[string, object, object, string]>([
    ['an action id', { actionId: 'a~' }, {}, 'actions[0].actionId'],
    ['a column', {}, { blueprint: '~b' }, 'actions[0].effects[0].unitState.upsert.set.blueprint'],
  ])('with half a surrogate pair in %s is refused', async (_place, action, set, path) => {
    for (const half of ['\\ud800', '\\udc00', '\\udc00\\ud800']) {
      const text = bodyOf(document, action, set).replace('~', half);
      const { errors = [] } = await post(Buffer.from(text));
      expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', details: { path } });
    }
  });
});

describe('a WebSocket', () => {
  test('is closed for a message that is not UTF-8, a binary one too', async () => {
    const socket = new WebSocket(
      `${sandbox.url.replace('http', 'ws')}/ashfall/graphql`,
      'graphql-transport-ws',
    );
    const code = await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', resolve);
      socket.once('open', () => socket.send(Buffer.from('{"type":"ping\xff"}', 'latin1')));
    });
    expect(code).toBe(1007);
  });
});
