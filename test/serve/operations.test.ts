import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { buildClientSchema, buildSchema, getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseManifest } from '../../engine/manifest/manifest-json.ts';
import { arrowTick } from './arrow-tick.ts';
import { answerOf, codeOf, Sandbox } from './sandbox.ts';
import { serveTitle } from './served.ts';
import { TestIssuer } from './test-issuer.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({ corsOrigins: 'https://ops.example.com' });
  await sandbox.openSession('match');
});
afterAll(() => sandbox.stop());

describe('the server tells how it is', () => {
  test('alive, ready, and where its log and columns stand', async () => {
    expect(await (await fetch(`${sandbox.url}/healthz`)).json()).toEqual({ alive: true });
    const ready = await fetch(`${sandbox.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      checks: { log: 'ok', columns: 'ok', server: 'ok' },
      position: expect.stringMatching(/^0:\d+$/),
    });
  });

  test('in metrics by the names of the contract, Node beside them', async () => {
    await sandbox.commit('match', 1, 3);
    await sandbox.ask('game-server', '{ castles }');
    const metrics = await sandbox.metrics();
    for (const line of [
      'tickloom_commit_seconds_count{title="ashfall",durability="strict"} 1',
      'tickloom_commit_actions_total{title="ashfall",verdict="accepted"} 3',
      'tickloom_state_rows{title="ashfall",table="unitState"} 3',
      'tickloom_requests_total{title="ashfall",endpoint="graphql",operation_kind="mutation",code="OK"} 2',
      'tickloom_requests_total{title="ashfall",endpoint="graphql",operation_kind="",code="GRAPHQL_VALIDATION_FAILED"} 1',
    ]) {
      expect(metrics).toContain(`${line}\n`);
    }
    for (const name of [
      'log_sync_seconds_count{title="ashfall"}',
      'apply_seconds_count{title="ashfall"}',
      'columns_lag_lsn{title="ashfall"}',
      'columns_merges_active{title="ashfall"}',
      'log_pending{title="ashfall"}',
      'traffic_bytes_total{title="ashfall",endpoint="graphql",direction="in"}',
      'traffic_bytes_total{title="ashfall",endpoint="graphql",direction="out"}',
    ]) {
      expect(metrics).toContain(`\ntickloom_${name} `);
    }
    expect(metrics).toContain('\nnodejs_eventloop_lag_seconds ');
  });

  test('and counts tokens it refused by reason', async () => {
    await fetch(`${sandbox.url}/ashfall/graphql?query={__typename}`);
    expect(await sandbox.metrics()).toMatch(/tickloom_auth_failures_total\{reason="missing"\} 1/);
  });

  test('and counts conflicts by table and code', async () => {
    const insert = { unitState: { insert: { unitId: 0, ownerId: 1 } } };
    const action = { actionId: 'again', playerId: 1, kind: 'MOVE', effects: [insert] };
    const input = { sessionId: 'match', tick: 2, actions: [action] };
    const query = `mutation C($input: CommitTickInput!) { commitTick(input: $input) { rejected } }`;
    await sandbox.ask('game-server', query, { input });
    expect(await sandbox.metrics()).toContain(
      'tickloom_conflicts_total{title="ashfall",table="unitState",code="ROW_EXISTS"} 1\n',
    );
  });
});

describe('every answer', () => {
  test('carries the request id it was asked under, or one of its own', async () => {
    const given = await fetch(`${sandbox.url}/nowhere`, { headers: { 'x-request-id': 'trace-7' } });
    expect(given.headers.get('x-request-id')).toBe('trace-7');
    const answer = await answerOf(given);
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code: 'NOT_FOUND',
      requestId: 'trace-7',
    });
    const bad = await fetch(`${sandbox.url}/nowhere`, { headers: { 'x-request-id': 'a b"c' } });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('of GraphQL says which position it rests on, so that the next read can wait for it', async () => {
    const committed = await sandbox.commit('match', 3);
    const position = committed.extensions?.tickloom.position ?? '';
    const read = await sandbox.ask(
      'game-server',
      '{ session(sessionId: "match") { lastTick } }',
      {},
      { 'x-tickloom-read-after': position },
    );
    expect(read.data).toEqual({ session: { lastTick: 3 } });
    expect(read.extensions?.tickloom).toMatchObject({ position, class: 'GAMEPLAY' });
  });

  test('runs in the lower class that was asked for', async () => {
    const answer = await sandbox.ask(
      'game-server',
      '{ __typename }',
      {},
      { 'x-tickloom-class': 'ARCHIVAL' },
    );
    expect(answer.extensions?.tickloom.class).toBe('ARCHIVAL');
  });
});

describe('paths', () => {
  test('/graphql serves the only title', async () => {
    const response = await fetch(`${sandbox.url}/graphql?query={__typename}`, {
      headers: await sandbox.authorization('liveops'),
    });
    expect(await response.json()).toMatchObject({ data: { __typename: 'Query' } });
  });

  test('of another title answer UNKNOWN_TITLE', async () => {
    const response = await fetch(`${sandbox.url}/chess/graphql?query={__typename}`);
    expect([response.status, codeOf(await answerOf(response))]).toEqual([404, 'UNKNOWN_TITLE']);
  });

  test('take the methods they take', async () => {
    const response = await fetch(`${sandbox.url}/metrics`, { method: 'POST' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  test('of schema and manifest answer any role, and nobody else', async () => {
    const headers = await sandbox.authorization('player');
    const schema = await fetch(`${sandbox.url}/ashfall/schema.graphql`, { headers });
    expect(buildSchema(await schema.text()).getType('UnitState')).toBeDefined();
    const manifest = await fetch(`${sandbox.url}/ashfall/manifest.json`, { headers });
    expect(parseManifest(await manifest.text()).title).toBe('ashfall');
    const again = await fetch(`${sandbox.url}/ashfall/manifest.json`, {
      headers: { ...headers, 'if-none-match': manifest.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    expect((await fetch(`${sandbox.url}/ashfall/manifest.json`)).status).toBe(401);
  });

  test('the schema can be introspected by whoever is signed in', async () => {
    const answer = await sandbox.ask('player', getIntrospectionQuery());
    expect(buildClientSchema(answer.data as never).getQueryType()?.name).toBe('Query');
  });

  test('pages of configured origins may call the API, others may not', async () => {
    const preflight = (origin: string) =>
      fetch(`${sandbox.url}/ashfall/graphql`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await preflight('https://ops.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://ops.example.com');
    const refused = await preflight('https://evil.example.com');
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the commit endpoint', () => {
  test('commits a tick of Arrow, and answers as commitTick does', async () => {
    await sandbox.openSession('arrow');
    const commit = async (tick: number) => {
      const response = await fetch(`${sandbox.url}/ashfall/sessions/arrow/ticks/${tick}`, {
        method: 'POST',
        headers: {
          ...(await sandbox.authorization('game-server')),
          'content-type': 'application/vnd.apache.arrow.stream',
        },
        body: (await arrowTick(tick, 4)) as BodyInit,
      });
      const { extensions, ...answer } = (await response.json()) as { extensions: object };
      expect(extensions).toMatchObject({ tickloom: { class: 'GAMEPLAY' } });
      return answer;
    };
    const first = await commit(1);
    expect(first).toMatchObject({
      tick: 1,
      accepted: 4,
      rejected: 0,
      duplicate: false,
      results: [],
    });
    expect(await commit(1)).toEqual({ ...first, duplicate: true });
  });
});

describe('the console', () => {
  test('is served with headers that keep it to itself', async () => {
    expect((await fetch(sandbox.url)).url).toBe(`${sandbox.url}/console/`);
    const page = await fetch(`${sandbox.url}/console`);
    expect(page.url).toBe(`${sandbox.url}/console/`);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  test('serves nothing beside its own files', async () => {
    for (const path of ['..%2f..%2fpackage.json', '%2e%2e/package.json', 'nothing.js']) {
      expect((await fetch(`${sandbox.url}/console/${path}`)).status).toBe(404);
    }
  });
});

describe('the sandbox issuer', () => {
  test('describes itself as any OpenID provider, and hides its private key', async () => {
    const issuer = `${sandbox.url}/sandbox/oidc`;
    const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    expect(discovery).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` });
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: object[] };
    expect(keys).toEqual([expect.not.objectContaining({ d: expect.anything() })]);
    const file = join(sandbox.directory, 'sandbox', 'issuer-key.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('gives no token for a role or title there is not, nor under a strange name', async () => {
    const ask = (query: string, headers = {}) =>
      fetch(`${sandbox.url}/sandbox/token?${query}`, { method: 'POST', headers });
    expect((await ask('title=ashfall&role=emperor')).status).toBe(400);
    expect((await ask('title=chess&role=admin')).status).toBe(404);
    expect((await ask('role=admin&ttl=86400')).status).toBe(400);
    expect(await statusUnderHost('evil.example')).toBe(403);
    expect(await statusUnderHost('localhost:4800')).toBe(200);
  });

  test('exists in the sandbox only', async () => {
    const issuer = await TestIssuer.start();
    await issuer.addKey('first');
    const server = await serveTitle({ oidcIssuer: issuer.url });
    for (const path of ['/sandbox/token?role=admin', '/sandbox/oidc/jwks']) {
      expect((await fetch(`${server.url}${path}`, { method: 'POST' })).status).toBe(404);
    }
    const answer = await fetch(`${server.url}/ashfall/graphql?query={__typename}`, {
      headers: { authorization: `Bearer ${await issuer.token('first')}` },
    });
    expect(await answer.json()).toMatchObject({ data: { __typename: 'Query' } });
  });
});

/** What a page would get that points a name of its own at this machine. */
function statusUnderHost(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const path = `${sandbox.url}/sandbox/token?role=admin`;
    const asked = request(path, { method: 'POST', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
}
