import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { arrowTick } from './arrow-tick.ts';
import { type Answer, answerOf, codeOf, commitTick, Sandbox, tickOf } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    graphqlBodyBytesMax: 2 * 1024 * 1024,
    commitBodyBytesMax: 4 * 1024 * 1024,
    graphqlTokensMax: 20_000,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
let positionBefore: string;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('match');
  await sandbox.commit('match', 5);
});
afterAll(() => sandbox.stop());

beforeEach(async () => {
  positionBefore = await sandbox.position();
});

// Whatever was wrong, nothing of it is written and the server goes on.
afterEach(async () => {
  expect(await sandbox.position()).toBe(positionBefore);
  expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
});

async function commitInput(change: (input: Record<string, unknown>) => void): Promise<Answer> {
  const input = tickOf('match', 6, 1);
  change(input);
  return sandbox.ask('game-server', commitTick, { input });
}

function action(input: Record<string, unknown>): Record<string, unknown> {
  return (input.actions as Record<string, unknown>[])[0] ?? {};
}

describe('a bad tick through GraphQL', () => {
  test.each<readonly [string, string, (input: Record<string, unknown>) => void]>([
    ['an unknown column', 'BAD_USER_INPUT', (input) => Object.assign(action(input), { hat: 1 })],
    [
      'a text for a number',
      'BAD_USER_INPUT',
      (input) => Object.assign(action(input), { playerId: 'one' }),
    ],
    [
      'a number past its type',
      'BAD_USER_INPUT',
      (input) => Object.assign(action(input), { playerId: -1 }),
    ],
    [
      'an unknown kind',
      'BAD_USER_INPUT',
      (input) => Object.assign(action(input), { kind: 'DANCE' }),
    ],
    [
      'no action id',
      'BAD_USER_INPUT',
      (input) => Object.assign(action(input), { actionId: undefined }),
    ],
    [
      'an effect on an unknown table',
      'BAD_USER_INPUT',
      (input) => Object.assign(action(input), { effects: [{ castle: { insert: {} } }] }),
    ],
    [
      'an effect of two kinds',
      'BAD_USER_INPUT',
      (input) =>
        Object.assign(action(input), {
          effects: [{ unitState: { insert: { unitId: 1 }, delete: { key: { unitId: 1 } } } }],
        }),
    ],
    ['a tick that is no number', 'BAD_USER_INPUT', (input) => Object.assign(input, { tick: '6' })],
    ['a tick in the past', 'TICK_OUT_OF_ORDER', (input) => Object.assign(input, { tick: 4 })],
    ['a later tick to follow', 'BAD_USER_INPUT', (input) => Object.assign(input, { afterTick: 7 })],
    ['a fence nobody has', 'FENCED', (input) => Object.assign(input, { fence: 99 })],
    ['no session', 'NOT_FOUND', (input) => Object.assign(input, { sessionId: 'nowhere' })],
  ])('with %s answers %s', async (_name, code, change) => {
    const answer = await commitInput(change);
    expect(codeOf(answer)).toBe(code);
    expect(answer.errors?.[0]?.extensions.requestId).toMatch(/^[\w-]{36}$/);
  });

  test('whose idempotency key was used for another content answers IDEMPOTENCY_MISMATCH', async () => {
    const answer = await sandbox.commit('match', 5, 3);
    expect(codeOf(answer)).toBe('IDEMPOTENCY_MISMATCH');
  });
});

test('a value that does not fit is not sent back whole', async () => {
  const answer = await commitInput((input) => Object.assign(input, { fence: 'x'.repeat(200_000) }));
  const [error] = answer.errors ?? [];
  expect(error?.message).toMatch(
    /^Variable "\$input" got invalid value "x{99}…" at "input.fence"; /,
  );
  expect(error?.message.length).toBeLessThan(400);
  expect(error?.extensions.details).toEqual({ path: 'input.fence' });
});

describe('a path that is not validly percent-encoded', () => {
  test.each(['/ashfall/sessions/%zz/ticks/1', '/%', '/ashfall/graphql%e0%a4%a'])(
    'such as %s answers an error of the contract',
    async (path) => {
      const response = await fetch(`${sandbox.url}${path}`, { method: 'POST' });
      const answer = await answerOf(response);
      expect([response.status, codeOf(answer)]).toEqual([400, 'BAD_USER_INPUT']);
      expect(answer.errors?.[0]?.message).toMatch(/not validly percent-encoded/);
    },
  );
});

describe('a request that is no operation', () => {
  test.each<[string, string, number, string]>([
    ['text that is not JSON', '{', 400, 'BAD_USER_INPUT'],
    ['a JSON that is no object', '7', 400, 'BAD_USER_INPUT'],
    ['a batch', '[{ "query": "{ __typename }" }]', 400, 'BAD_USER_INPUT'],
    ['no query', '{}', 400, 'BAD_USER_INPUT'],
    [
      'variables that are no object',
      '{ "query": "{ a }", "variables": [] }',
      400,
      'BAD_USER_INPUT',
    ],
    ['broken GraphQL', '{ "query": "{ session(" }', 200, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ "query": "{ castles }" }', 200, 'GRAPHQL_VALIDATION_FAILED'],
    ['an empty query', '{ "query": "" }', 400, 'BAD_USER_INPUT'],
    [
      'the name of an operation that the document has not',
      '{ "query": "query A { __typename }", "operationName": "B" }',
      400,
      'BAD_USER_INPUT',
    ],
    [
      'several operations and no name',
      '{ "query": "query A { __typename } query B { __typename }" }',
      400,
      'BAD_USER_INPUT',
    ],
  ])('such as %s is refused', async (_name, body, status, code) => {
    const headers = {
      ...(await sandbox.authorization('liveops')),
      'content-type': 'application/json',
      accept: 'application/json',
    };
    const answer = await sandbox.post(body, headers);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  });

  test('in another media type is refused', async () => {
    const headers = { ...(await sandbox.authorization('liveops')), 'content-type': 'text/plain' };
    expect(codeOf(await sandbox.post('{ "query": "{ __typename }" }', headers))).toBe(
      'BAD_USER_INPUT',
    );
  });

  test('that mutates through GET is refused', async () => {
    const query = 'mutation { openSession(input: { sessionId: "sneaky" }) { fence } }';
    const response = await fetch(
      `${sandbox.url}/ashfall/graphql?${new URLSearchParams({ query })}`,
      { headers: await sandbox.authorization('game-server') },
    );
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(codeOf(await answerOf(response))).toBe('BAD_USER_INPUT');
  });

  test('with a position or class that cannot be met is refused', async () => {
    const ask = (headers: Record<string, string>) =>
      sandbox.ask('liveops', '{ __typename }', {}, headers);
    expect(codeOf(await ask({ 'x-tickloom-read-after': 'yesterday' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(await ask({ 'x-tickloom-class': 'URGENT' }))).toBe('BAD_USER_INPUT');
    expect(codeOf(await ask({ 'x-tickloom-class': 'GAMEPLAY' }))).toBe('FORBIDDEN');
  });

  test.each<[string, number, string, string, (count: number) => string]>([
    ['nests deeper', servingLimits.graphqlDepthMax, 'OK', 'LIMIT_EXCEEDED', nested],
    ['selects more fields', servingLimits.graphqlFieldsMax, 'OK', 'LIMIT_EXCEEDED', fields],
    [
      'has more tokens',
      servingLimits.graphqlTokensMax,
      'GRAPHQL_VALIDATION_FAILED',
      'LIMIT_EXCEEDED',
      tokens,
    ],
  ])('that %s than it may is refused before it runs', async (_name, most, at, past, queryOf) => {
    expect(codeOf(await sandbox.ask('liveops', queryOf(most)))).toBe(at);
    expect(codeOf(await sandbox.ask('liveops', queryOf(most + 1)))).toBe(past);
  });

  test('that selects too much by fragments of fragments is refused before it runs', async () => {
    const bomb = `{ ...a } fragment a on Query { ${'...b '.repeat(50)} } fragment b on Query { ${'...c '.repeat(50)} } fragment c on Query { __typename }`;
    expect(codeOf(await sandbox.ask('liveops', bomb))).toBe('LIMIT_EXCEEDED');
  });
});

describe('a body over the limit', () => {
  test('that says so is refused before it is sent', async () => {
    const { authorization } = await sandbox.authorization('game-server');
    const answer = await announce('/ashfall/graphql', {
      authorization,
      'content-type': 'application/json',
      'content-length': servingLimits.graphqlBodyBytesMax + 1,
    });
    expect(answer).toMatchObject({ status: 413, code: 'LIMIT_EXCEEDED' });
  });

  test('that does not say so is refused where it passes the limit', async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(32);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        controller.enqueue(chunk);
        if (sent > servingLimits.graphqlBodyBytesMax + 8 * chunk.length) controller.close();
      },
    });
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': 'application/json',
      },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(codeOf(await answerOf(response))).toBe('LIMIT_EXCEEDED');
  });

  test('on the commit endpoint is refused too', async () => {
    const { authorization } = await sandbox.authorization('game-server');
    const answer = await announce('/ashfall/sessions/match/ticks/6', {
      authorization,
      'content-type': 'application/vnd.apache.arrow.stream',
      'content-length': servingLimits.commitBodyBytesMax + 1,
    });
    expect(answer).toMatchObject({ status: 413, code: 'LIMIT_EXCEEDED' });
  });

  test.each<[string, string, string, number, number, string]>([
    [
      'of GraphQL',
      '/ashfall/graphql',
      'application/json',
      servingLimits.graphqlBodyBytesMax,
      200,
      'OK',
    ],
    [
      'of a commit',
      '/ashfall/sessions/match/ticks/6',
      'application/vnd.apache.arrow.stream',
      servingLimits.commitBodyBytesMax,
      400,
      'BAD_USER_INPUT',
    ],
    [
      'of a commit in JSON',
      '/ashfall/sessions/match/ticks/6',
      'application/json',
      servingLimits.commitJsonBytesMax,
      400,
      'BAD_USER_INPUT',
    ],
  ])(
    '%s is read at the limit and refused one byte past it, announced or not',
    async (_name, path, contentType, most, status, code) => {
      const { authorization } = await sandbox.authorization('game-server');
      const post = async (body: Buffer, announced: boolean) => {
        const response = await fetch(`${sandbox.url}${path}`, {
          method: 'POST',
          headers: { authorization, 'content-type': contentType },
          body: announced ? body : new Blob([body as BlobPart]).stream(),
          duplex: 'half',
        } as RequestInit);
        return [response.status, codeOf(await answerOf(response))];
      };
      const body = Buffer.alloc(most + 1, ' ');
      body.write('{ "query": "{ __typename }" }');
      for (const announced of [true, false]) {
        expect(await post(body.subarray(0, most), announced)).toEqual([status, code]);
        expect(await post(body, announced)).toEqual([413, 'LIMIT_EXCEEDED']);
      }
    },
  );
});

describe('a caller without the right', () => {
  const mutation = 'mutation { openSession(input: { sessionId: "sneaky" }) { fence } }';

  test.each(['liveops', 'analyst', 'player'])(
    'such as a %s cannot open a session',
    async (role) => {
      expect(codeOf(await sandbox.ask(role, mutation))).toBe('FORBIDDEN');
    },
  );

  test('such as a liveops cannot commit a tick, on either path', async () => {
    const input = tickOf('match', 6, 1);
    expect(codeOf(await sandbox.ask('liveops', commitTick, { input }))).toBe('FORBIDDEN');
    const response = await commitArrow('match', '6', await arrowTick(6, 1), {
      ...(await sandbox.authorization('liveops')),
    });
    expect([response.status, codeOf(await answerOf(response))]).toEqual([403, 'FORBIDDEN']);
  });

  test.each<[string, Record<string, string>]>([
    ['no token', {}],
    ['a token that is none', { authorization: 'Bearer nonsense' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
  ])('such as one with %s is not let in', async (_name, headers) => {
    const body = JSON.stringify({ query: '{ __typename }' });
    const answer = await sandbox.post(body, { 'content-type': 'application/json', ...headers });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'UNAUTHENTICATED']);
  });

  test('such as one whose token has expired is told so', async () => {
    const token = await sandbox.expiredToken('liveops');
    const answer = await sandbox.post('{ "query": "{ __typename }" }', {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
    });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'TOKEN_EXPIRED']);
  });
});

describe('a bad tick on the commit endpoint', () => {
  test.each<[string, string, Buffer, Record<string, string>, number, string]>([
    ['bytes that are no Arrow', '6', Buffer.from('not arrow'), {}, 400, 'BAD_USER_INPUT'],
    ['a tick that is no number', 'six', Buffer.alloc(0), {}, 400, 'BAD_USER_INPUT'],
    ['a tick past 32 bits', '4294967296', Buffer.alloc(0), {}, 400, 'BAD_USER_INPUT'],
    [
      'another media type',
      '6',
      Buffer.alloc(0),
      { 'content-type': 'text/plain' },
      415,
      'BAD_USER_INPUT',
    ],
    [
      'an unknown policy',
      '6',
      Buffer.alloc(0),
      { 'x-tickloom-on-conflict': 'SHRUG' },
      400,
      'BAD_USER_INPUT',
    ],
    [
      'a word for whether actions happen once',
      '6',
      Buffer.alloc(0),
      { 'x-tickloom-once': 'yes' },
      400,
      'BAD_USER_INPUT',
    ],
    [
      'a compressed body',
      '6',
      Buffer.alloc(8),
      { 'content-encoding': 'gzip' },
      400,
      'BAD_USER_INPUT',
    ],
  ])('with %s is refused', async (_name, tick, body, headers, status, code) => {
    const response = await commitArrow('match', tick, body, {
      ...(await sandbox.authorization('game-server')),
      ...headers,
    });
    expect([response.status, codeOf(await answerOf(response))]).toEqual([status, code]);
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ['a stale fence', '6', { 'x-tickloom-fence': '99' }, 409, 'FENCED'],
    ['a tick in the past', '4', {}, 409, 'TICK_OUT_OF_ORDER'],
    ['itself to follow', '6', { 'x-tickloom-after-tick': '6' }, 400, 'BAD_USER_INPUT'],
  ])('with %s is refused', async (_name, tick, headers, status, code) => {
    const response = await commitArrow('match', tick, await arrowTick(Number(tick), 1), {
      ...(await sandbox.authorization('game-server')),
      ...headers,
    });
    expect([response.status, codeOf(await answerOf(response))]).toEqual([status, code]);
  });

  test('of an unknown session or title is refused', async () => {
    const authorization = await sandbox.authorization('game-server');
    const nowhere = await commitArrow('nowhere', '1', await arrowTick(1, 1), authorization);
    expect([nowhere.status, codeOf(await answerOf(nowhere))]).toEqual([404, 'NOT_FOUND']);
    const response = await fetch(`${sandbox.url}/chess/sessions/match/ticks/6`, {
      method: 'POST',
      headers: authorization,
    });
    expect([response.status, codeOf(await answerOf(response))]).toEqual([404, 'UNKNOWN_TITLE']);
  });
});

/** A query of so many levels of fields. */
function nested(levels: number): string {
  const inner = levels - 3;
  return `{ __schema { types { ${'ofType { '.repeat(inner)}name ${'} '.repeat(inner)}} } }`;
}

function fields(count: number): string {
  return `{ ${Array.from({ length: count }, (_, i) => `f${i % 400}: __typename`).join(' ')} }`;
}

/** A document of so many tokens: a list, and nine around it. */
function tokens(count: number): string {
  return `{ __typename(list: [${'1 '.repeat(count - 9)}]) }`;
}

function commitArrow(
  session: string,
  tick: string,
  body: Uint8Array,
  headers: Record<string, string>,
): Promise<Response> {
  return fetch(`${sandbox.url}/ashfall/sessions/${session}/ticks/${tick}`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.apache.arrow.stream', ...headers },
    body: body as BodyInit,
  });
}

/** Sends the head of a request and a first byte, and reads what comes back. */
function announce(
  path: string,
  headers: Record<string, string | number>,
): Promise<{ readonly status: number; readonly code: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${sandbox.url}${path}`, { method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, code: codeOf(JSON.parse(text)) });
        sent.destroy();
      });
    });
    sent.on('error', reject);
    sent.write(' ');
  });
}
