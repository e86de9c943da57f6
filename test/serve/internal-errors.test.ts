import {
  type ExecutionResult,
  GraphQLInt,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
} from 'graphql';
import { expect, test } from 'vitest';
import { OneByOne } from '../../engine/govern/one-by-one.ts';
import { mainTurns } from '../../engine/govern/turns.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Principal } from '../../resolvers/context.ts';
import { Answers } from '../../src/api/graphql/answer.ts';
import { Executor } from '../../src/api/graphql/executor.ts';
import { FrameTexts } from '../../src/api/graphql/frame-texts.ts';
import { FramesWaiting } from '../../src/api/graphql/frames-waiting.ts';
import { graphqlEndpoint } from '../../src/api/graphql/graphql-endpoint.ts';
import { GraphqlSocket } from '../../src/api/graphql/graphql-socket.ts';
import type { TitleServices } from '../../src/api/graphql/operation-context.ts';
import { PersistedOperations } from '../../src/api/graphql/persisted-operations.ts';
import { RoleSchemas } from '../../src/api/graphql/role-schemas.ts';
import { SocketPlaces } from '../../src/api/graphql/socket-places.ts';
import { createTitleYoga } from '../../src/api/graphql/yoga.ts';
import { ServedManifest } from '../../src/api/served-manifest.ts';
import { Router } from '../../src/host/router.ts';
import type { TitleAccess } from '../../src/identity/title-identity.ts';
import { TitleLimits } from '../../src/limits/title-limits.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { FrameSocket } from './frame-socket.ts';
import { serveRoutes } from './http-front.ts';

/** A scalar that hands on what no JSON can hold, as a bug of a resolver might. */
const raw = new GraphQLScalarType({ name: 'Raw', serialize: (value) => value });
async function* values() {
  for (const value of ['first', 1n, 'last']) yield { value, rows: [], removed: [] };
}
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      value: { type: raw, resolve: () => 1n },
      one: { type: GraphQLInt, resolve: () => 1 },
    },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: { value: { type: raw, subscribe: values } },
  }),
});

const principal: Principal = {
  subject: 'tester',
  role: null,
  class: 'ARCHIVAL',
  claims: {},
  expiresAtMs: Number.POSITIVE_INFINITY,
};

/** A GraphQL endpoint over that schema; `metrics` are those of its answers. */
async function serve(answerMetrics = new Metrics()): Promise<string> {
  const metrics = new Metrics();
  const logger = createLogger('silent');
  const answers = new Answers(answerMetrics, logger);
  const executor = new Executor(schema);
  const texts = new FrameTexts(new OneByOne(mainTurns, 'frames'));
  const roles = new RoleSchemas(schema, new Catalog(ashfall));
  const yoga = createTitleYoga(schema, { executor, roles, answers, texts });
  const ignore = () => undefined;
  const audit = { admit: ignore, record: ignore, runs: ignore, cameFrom: ignore };
  const use = new TitleLimits({}, metrics, audit);
  const work = { record: ignore };
  const services = { use, work, audit: { of: () => audit } } as unknown as TitleServices;
  const identity: TitleAccess = {
    authenticate: () => principal,
    now: () => principal,
    live: () => ({
      current: principal,
      refresh: () => Promise.resolve(principal),
      close: () => undefined,
    }),
  };
  const manifest = new ServedManifest(ashfall);
  const operations = new PersistedOperations({
    title: 'ashfall',
    schema,
    file: null,
    modeOf: () => 'any',
  });
  const waiting = new FramesWaiting({ onBytes: ignore, onCut: ignore });
  const handle = graphqlEndpoint({
    yoga,
    operations,
    manifest,
    services,
    metrics,
    identity,
    onDrain: () => () => undefined,
    waiting,
  });
  const path = '/ashfall/graphql';
  const routes = [{ methods: ['POST'], path, endpoint: 'graphql', handle }] as const;
  const { url, front } = await serveRoutes(metrics, routes);
  const sockets = new GraphqlSocket({
    roles,
    yoga,
    operations,
    manifest,
    services,
    answers,
    metrics,
    logger,
    identity,
    places: new SocketPlaces(),
    waiting,
  });
  front.serve(new Router(routes), (...upgrade) => sockets.accept(...upgrade));
  return url;
}

function post(url: string, query: string, accept = 'application/json'): Promise<Response> {
  return fetch(`${url}/ashfall/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
  });
}

const internal = {
  message: expect.stringContaining('the server failed to answer'),
  extensions: { code: 'INTERNAL', category: 'internal', requestId: expect.any(String) },
};

test.each(['application/json', 'application/graphql-response+json'])(
  'a result that cannot be printed answers INTERNAL, as %s',
  async (accept) => {
    const url = await serve();
    const answer = (await (await post(url, '{ value }', accept)).json()) as ExecutionResult;
    expect(answer).toMatchObject({ errors: [internal] });
    expect(JSON.stringify(answer)).not.toMatch(/BigInt/);
  },
);

test('a message that cannot be printed is INTERNAL in an event stream, which goes on', async () => {
  const url = await serve();
  const text = await (await post(url, 'subscription { value }', 'text/event-stream')).text();
  const events = [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
  expect(events).toMatchObject([
    { data: { value: 'first' } },
    { errors: [internal] },
    { data: { value: 'last' } },
  ]);
  expect((await post(url, '{ one }')).status).toBe(200);
});

test('a message that cannot be printed ends a subscription on a WebSocket with INTERNAL', async () => {
  const url = await serve();
  const socket = await FrameSocket.connect(url, {});
  socket.subscribe('1', 'subscription { value }');
  const { payload } = await socket.receive(({ type }) => type === 'error');
  expect(payload).toMatchObject([internal]);
  socket.subscribe('2', '{ one }');
  expect((await socket.receive(({ id }) => id === '2')).payload.data).toEqual({ one: 1 });
  socket.close();
});

test.each(['application/json', 'text/event-stream'])(
  'what goes wrong around an operation answers INTERNAL, as %s',
  async (accept) => {
    const metrics = new Metrics();
    metrics.requests.inc = () => {
      throw new Error('secret of the server');
    };
    const response = await post(await serve(metrics), '{ one }', accept);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ errors: [internal] });
    expect(text).not.toMatch(/secret/);
  },
);
