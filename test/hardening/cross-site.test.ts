import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../serve/sandbox.ts';

const ours = 'https://ops.example.com';
const theirs = 'https://evil.example';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({ corsOrigins: ours });
  await sandbox.openSession('match');
});
afterAll(() => sandbox.stop());

/** Sends it with a token that may, and tells the status; nothing may be written. */
async function statusOfRefused(path: string, init: RequestInit): Promise<number> {
  const before = await sandbox.position();
  const headers = { ...(await sandbox.authorization('game-server')), ...init.headers };
  const response = await fetch(`${sandbox.url}${path}`, { ...init, headers });
  expect(await response.text()).toContain('"BAD_USER_INPUT"');
  expect(await sandbox.position()).toBe(before);
  return response.status;
}

const mutation = 'mutation { openSession(input: { sessionId: "planted" }) { fence } }';

describe('what a page elsewhere may send without asking first writes nothing', () => {
  test.each([
    'text/plain',
    'text/plain; a=application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('a body as "%s" to GraphQL', async (contentType) => {
    // A body of bytes gets no content type of its own.
    const body = Buffer.from(JSON.stringify({ query: mutation }));
    const headers: Record<string, string> =
      contentType === '' ? {} : { 'content-type': contentType };
    expect(await statusOfRefused('/ashfall/graphql', { method: 'POST', body, headers })).toBe(415);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'a body as "%s" to the commit endpoint',
    async (contentType) => {
      const headers: Record<string, string> =
        contentType === '' ? {} : { 'content-type': contentType };
      const body = Buffer.from('{}');
      const path = '/ashfall/sessions/match/ticks/1';
      expect(await statusOfRefused(path, { method: 'POST', body, headers })).toBe(415);
    },
  );

  test('a mutation by GET, whatever it says it takes', async () => {
    const path = `/ashfall/graphql?query=${encodeURIComponent(mutation)}`;
    for (const accept of ['*/*', 'text/event-stream', 'application/json']) {
      await statusOfRefused(path, { headers: { accept } });
    }
  });

  test('a mutation that hides behind a query of its document', async () => {
    const query = `query A { __typename } ${mutation.replace('mutation', 'mutation B')}`;
    const path = `/ashfall/graphql?operationName=B&query=${encodeURIComponent(query)}`;
    expect([400, 405]).toContain(await statusOfRefused(path, {}));
  });

  test('a request with cookies and no token', async () => {
    const response = await fetch(`${sandbox.url}/ashfall/graphql?query={__typename}`, {
      headers: { cookie: `token=${await sandbox.token('admin')}` },
    });
    expect(response.status).toBe(401);
  });
});

describe('the origin of a page', () => {
  const preflight = (origin: string) =>
    fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  test('that is set may ask and read, without cookies', async () => {
    const { status, headers } = await preflight(ours);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(ours);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  test.each([
    theirs,
    'null',
    `${ours}.evil.example`,
    'https://OPS.example.com',
    'http://ops.example.com',
  ])('such as %s is told nothing that lets its page ask or read', async (origin) => {
    const { headers, status } = await preflight(origin);
    expect(status).toBe(405);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    const read = await fetch(`${sandbox.url}/ashfall/graphql?query={__typename}`, {
      headers: { origin, ...(await sandbox.authorization('liveops')) },
    });
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
    expect(read.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    // A cache must not give the answer for one origin to another.
    expect(read.headers.get('vary')).toMatch(/origin/);
  });
});
