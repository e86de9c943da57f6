import { request } from 'node:http';
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
} from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { arrowTick } from './arrow-tick.ts';
import { answerOf, codeOf, commitTick, Sandbox, tickOf } from './sandbox.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, graphqlBodyBytesMax: 2 * 1024 * 1024 } };
});

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';
const events = 'text/event-stream';
const pulse = 'subscription { matchPulseChanges { kind } }';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

async function post(
  query: string,
  headers: Readonly<Record<string, string>>,
  role = 'game-server',
  variables: unknown = {},
): Promise<Response> {
  return fetch(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: { ...(await sandbox.authorization(role)), 'content-type': json, ...headers },
    body: JSON.stringify({ query, variables }),
  });
}

async function outcome(response: Response): Promise<[number, string]> {
  return [response.status, codeOf(await answerOf(response))];
}

async function subscribers(): Promise<number> {
  const lines = (await sandbox.metrics()).matchAll(/^tickloom_feed_subscribers\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('what a client takes', () => {
  test.each<[string, string]>([
    ['*/*', json],
    [json, json],
    [graphqlJson, graphqlJson],
    [`${graphqlJson}, ${json}`, graphqlJson],
    [`${graphqlJson};q=0.5, ${json};q=0.9`, json],
    [`${json};q=0.1, ${graphqlJson}`, graphqlJson],
    [`${json};q=0, */*;q=0.1`, graphqlJson],
    [`text/html, application/*;q=0.8`, json],
    [`${events}, ${json};q=0.9`, json],
    [events, events],
  ])('such as %s is answered as %s', async (accept, type) => {
    const response = await post('{ __typename }', { accept });
    expect([response.status, response.headers.get('content-type')?.split(';')[0]]).toEqual([
      200,
      type,
    ]);
  });

  test.each(['text/html', 'application/xml, image/*', `${json};q=0`, 'nonsense'])(
    'such as %s alone is answered 406, and nothing has run',
    async (accept) => {
      const before = await sandbox.position();
      const open = 'mutation { openSession(input: { sessionId: "never" }) { fence } }';
      expect(await outcome(await post(open, { accept }))).toEqual([406, 'BAD_USER_INPUT']);
      const tick = { input: tickOf('match', 3, 1) };
      expect(await outcome(await post(commitTick, { accept }, 'game-server', tick))).toEqual([
        406,
        'BAD_USER_INPUT',
      ]);
      expect(await sandbox.position()).toBe(before);
    },
  );

  test.each([json, graphqlJson])(
    'as %s is no subscription: it is answered 406, and nobody stays subscribed',
    async (accept) => {
      const before = await subscribers();
      for (let i = 0; i < 50; i++) {
        expect(await outcome(await post(pulse, { accept }, 'liveops'))).toEqual([
          406,
          'BAD_USER_INPUT',
        ]);
      }
      expect(await subscribers()).toBe(before);
    },
  );
});

describe('a media type', () => {
  test.each<[string, number]>([
    ['application/json; charset=utf-8', 200],
    ['application/json;charset="UTF-8"', 200],
    ['Application/JSON', 200],
    ['application/json; charset=utf-16', 415],
    ['text/plain', 415],
    ['application/jsonp', 415],
    ['json', 415],
  ])('of %s is answered %i', async (contentType, status) => {
    expect((await post('{ __typename }', { 'content-type': contentType })).status).toBe(status);
  });
});

describe('a compressed body', () => {
  const send = async (encoding: string, body: Buffer) =>
    fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': json,
        'content-encoding': encoding,
      },
      body: body as BodyInit,
    });
  const compressions = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const;

  test.each(compressions)('by %s is read', async (encoding, compress) => {
    const body = compress(Buffer.from('{ "query": "{ __typename }" }'));
    expect(await outcome(await send(encoding, body))).toEqual([200, 'OK']);
  });

  test.each(compressions)('by %s is held to the bound inflated', async (encoding, compress) => {
    const of = (bytes: number) =>
      compress(Buffer.from('{ "query": "{ __typename }" }'.padEnd(bytes)));
    expect(await outcome(await send(encoding, of(servingLimits.graphqlBodyBytesMax)))).toEqual([
      200,
      'OK',
    ]);
    const bomb = of(64 * servingLimits.graphqlBodyBytesMax);
    expect(bomb.length).toBeLessThan(servingLimits.graphqlBodyBytesMax / 2);
    expect(await outcome(await send(encoding, bomb))).toEqual([413, 'LIMIT_EXCEEDED']);
  });

  test.each(compressions)('by %s that is broken or cut is refused', async (encoding, compress) => {
    const whole = compress(Buffer.from('{ "query": "{ __typename }" }'));
    const cut = whole.subarray(0, whole.length - 6);
    expect(await outcome(await send(encoding, cut))).toEqual([400, 'BAD_USER_INPUT']);
    expect(await outcome(await send(encoding, Buffer.from('{}')))).toEqual([400, 'BAD_USER_INPUT']);
  });

  test('in another way is answered 415, with those that are taken', async () => {
    const response = await send('zstd', Buffer.from('x'));
    expect(response.headers.get('accept-encoding')).toBe('gzip, deflate, br');
    expect(await outcome(response)).toEqual([415, 'BAD_USER_INPUT']);
  });

  test('is a tick on the commit endpoint too', async () => {
    await sandbox.openSession('small');
    const response = await fetch(`${sandbox.url}/ashfall/sessions/small/ticks/1`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': 'application/vnd.apache.arrow.stream',
        'content-encoding': 'gzip',
      },
      body: gzipSync(await arrowTick(1, 3)) as BodyInit,
    });
    expect(await response.json()).toMatchObject({ accepted: 3 });
  });
});

describe('a compressed answer', () => {
  /** With the bytes as they came. */
  async function get(path: string, headers: Record<string, string>) {
    const authorization = await sandbox.authorization('liveops');
    return new Promise<{ headers: Record<string, unknown>; status: number; body: Buffer }>(
      (resolve, reject) => {
        request(
          `${sandbox.url}${path}`,
          { headers: { ...authorization, ...headers } },
          async (response) =>
            resolve({
              headers: response.headers,
              status: response.statusCode ?? 0,
              body: Buffer.concat(await response.toArray()),
            }),
        )
          .on('error', reject)
          .end();
      },
    );
  }

  test.each<[string, string | undefined, (body: Buffer) => Buffer]>([
    ['gzip', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'gzip', gunzipSync],
    ['gzip;q=0.5, br', 'br', brotliDecompressSync],
    ['gzip;q=0, br;q=0', undefined, (body) => body],
    ['identity', undefined, (body) => body],
    ['zstd', undefined, (body) => body],
  ])('of the schema for %s is by %s', async (accepted, encoding, inflate) => {
    const plain = await get('/ashfall/schema.graphql', {});
    const answer = await get('/ashfall/schema.graphql', { 'accept-encoding': accepted });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers.vary).toBe('accept-encoding');
    expect(Number(answer.headers['content-length'])).toBe(answer.body.length);
    expect(inflate(answer.body).equals(plain.body)).toBe(true);
    if (encoding !== undefined) expect(answer.body.length).toBeLessThan(plain.body.length / 5);
    const again = await get('/ashfall/schema.graphql', {
      'accept-encoding': accepted,
      'if-none-match': String(answer.headers.etag),
    });
    expect(again.status).toBe(304);
  });
});

describe('a body on the commit endpoint', () => {
  const commit = async (tick: number, body: Uint8Array) =>
    fetch(`${sandbox.url}/ashfall/sessions/bodies/ticks/${tick}`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': 'application/vnd.apache.arrow.stream',
      },
      body: body as BodyInit,
    });

  test('that was lost on its way, whole or in part, is no tick', async () => {
    await sandbox.openSession('bodies');
    const before = await sandbox.position();
    const whole = await arrowTick(1, 3);
    expect(await outcome(await commit(1, new Uint8Array()))).toEqual([400, 'BAD_USER_INPUT']);
    for (const part of [1, 4, 8, 100, whole.length >> 1, whole.length - 9, whole.length - 8]) {
      expect(await outcome(await commit(1, whole.subarray(0, part)))).toEqual([
        400,
        'BAD_USER_INPUT',
      ]);
    }
    expect(await sandbox.position()).toBe(before);
  });

  test('of actions without rows is a tick without actions', async () => {
    const response = await commit(1, await arrowTick(1, 0));
    expect(await response.json()).toMatchObject({ tick: 1, accepted: 0, rejected: 0 });
  });
});
