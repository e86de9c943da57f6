import { createHmac } from 'node:crypto';
import { generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, test, vi } from 'vitest';
import { RealProvider } from './real-provider.ts';
import { codeOf } from './sandbox.ts';
import { askAs, serveTitle } from './served.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    keySetCooldownMs: 100,
    introspectionRememberedMs: 500,
    introspectionRecheckMs: 500,
    introspectionsRunningMax: 3,
    providerAnswerBytesMax: 20_000,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

/** The actions of commits are the simulator's: what a role may ask tells which it is. */
const ofLiveops = '{ matchPulse { position } }';
const ofAnalyst = '{ sql(query: "SELECT 1") { rows } }';

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('serve, with a certified provider', () => {
  test.each(['PS256', 'ES384', 'RS256', 'EdDSA'])(
    'takes service accounts whose tokens it signs with %s',
    async (algorithm) => {
      const provider = await RealProvider.start({ algorithm });
      const server = await serveTitle({ oidcIssuer: provider.url });
      expect(codeOf(await askAs(server, await provider.token(), ofLiveops))).toBe('OK');
      expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({ ready: true });
    },
  );

  test('finds its new keys, and forged tokens stay outside', async () => {
    const provider = await RealProvider.start();
    const server = await serveTitle({ oidcIssuer: provider.url });
    const token = await provider.token();
    expect(codeOf(await askAs(server, token))).toBe('OK');
    const [header = '', payload = ''] = token.split('.');
    const { kid } = JSON.parse(String(Buffer.from(header, 'base64url'))) as { kid: string };
    const claims = JSON.parse(String(Buffer.from(payload, 'base64url'))) as JWTPayload;
    const [key = {}] = provider.keys;
    const own = await importJWK(key, 'ES256');
    const { privateKey: stranger } = await generateKeyPair('ES256');
    const signed = (more: JWTPayload, by = own, type = 'at+jwt') =>
      new SignJWT({ ...claims, ...more })
        .setProtectedHeader({ alg: 'ES256', kid, typ: type })
        .sign(by);
    const mac = (secret: string) => {
      const text = `${part({ alg: 'HS256', kid, typ: 'at+jwt' })}.${payload}`;
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    const published = await (await fetch(`${provider.url}/jwks`)).text();
    const forged: Record<string, string> = {
      'none as its algorithm': `${part({ alg: 'none', kid, typ: 'at+jwt' })}.${payload}.`,
      'no algorithm': `${part({ kid })}.${payload}.AAAA`,
      'the key set as its secret': mac(published),
      'the public key as its secret': mac(String(key.x)),
      'a kid that was stolen': await signed({}, stranger),
      'another audience': await signed({ aud: 'shop' }),
      'another issuer': await signed({ iss: 'https://evil.example' }),
      'no issuer': await signed({ iss: undefined as never }),
      'an end in the past': await signed({ exp: 1_000 }),
      'the type of an ID token': await signed({ nonce: 'n' }, own, 'JWT'),
      'a body that is no JSON': `${header}.${Buffer.from('nonsense').toString('base64url')}.AAAA`,
      'a body that is a list': `${header}.${part([1])}.AAAA`,
      'five parts': 'a.b.c.d.e',
      'no parts': 'opaque',
      'too many characters': 'x'.repeat(15_000),
      'signs that are none of Base64': `${header}.${payload}.%%%`,
    };
    for (const [what, wrong] of Object.entries(forged)) {
      const answer = await askAs(server, wrong);
      const code = what === 'an end in the past' ? 'TOKEN_EXPIRED' : 'UNAUTHENTICATED';
      expect([what, answer.status, codeOf(answer)]).toEqual([what, 401, code]);
    }
    expect(codeOf(await askAs(server, token))).toBe('OK');

    await provider.down();
    await provider.rotate();
    await provider.up();
    expect(codeOf(await askAs(server, await provider.token()))).toBe('OK');
    const metrics = await (await fetch(server.metricsUrl)).text();
    for (const reason of ['signature', 'audience', 'issuer', 'expired', 'kind', 'malformed']) {
      expect(metrics).toMatch(new RegExp(`auth_failures_total\\{reason="${reason}"\\} [1-9]`));
    }
  }, 60_000);

  test('which of several roles a request uses is named by a header', async () => {
    const claims = { tickloom_role: ['liveops', 'analyst', 'emperor'] };
    const provider = await RealProvider.start({ claims });
    const server = await serveTitle({ oidcIssuer: provider.url });
    const token = await provider.token();
    const as = (role: string) => ({ 'x-tickloom-role': role });
    expect(codeOf(await askAs(server, token, ofLiveops))).toBe('OK');
    expect(codeOf(await askAs(server, token, ofAnalyst))).toBe('FORBIDDEN');
    expect(codeOf(await askAs(server, token, ofAnalyst, as('analyst')))).toBe('OK');
    expect(codeOf(await askAs(server, token, ofLiveops, as('analyst')))).toBe('FORBIDDEN');
    for (const role of ['admin', 'emperor', '', 'liveops, analyst']) {
      const answer = await askAs(server, token, '{ __typename }', as(role));
      expect([role, answer.status, codeOf(answer)]).toEqual([role, 403, 'FORBIDDEN']);
    }
    const commit = `${server.url}/ashfall/sessions/s/ticks/1`;
    const headers = { authorization: `Bearer ${token}`, ...as('game-server') };
    expect((await fetch(commit, { method: 'POST', headers })).status).toBe(403);
  }, 60_000);

  test('asks it what opaque tokens are, and notices that it took one back', async () => {
    const provider = await RealProvider.start({ format: 'opaque' });
    const server = await serveTitle(
      { oidcIssuer: provider.url, oidcClientId: 'tickloom' },
      { environment: { TICKLOOM_OIDC_CLIENT_SECRET: 'secret-of-tickloom' } },
    );
    const token = await provider.token();
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => askAs(server, token, ofLiveops)));
    expect(answers.map(codeOf)).toEqual(Array(5).fill('OK'));
    // Requests that came at once shared questions.
    const questions = provider.asked.filter((path) => path.includes('introspection'));
    expect(questions.length).toBeLessThan(answers.length);
    expect(codeOf(await askAs(server, `${token}x`))).toBe('UNAUTHENTICATED');
    await provider.revoke(token);
    await vi.waitFor(async () =>
      expect(codeOf(await askAs(server, token))).toBe('UNAUTHENTICATED'),
    );
    const metrics = await (await fetch(server.metricsUrl)).text();
    expect(metrics).toMatch(/auth_failures_total\{reason="inactive"\} [2-9]/);

    provider.options = { format: 'opaque', audience: 'shop' };
    expect(codeOf(await askAs(server, await provider.token()))).toBe('UNAUTHENTICATED');
  }, 60_000);

  test('that is slow is asked for so many tokens at once (introspectionsRunningMax)', async () => {
    const provider = await RealProvider.start({ format: 'opaque' });
    const server = await serveTitle(
      { oidcIssuer: provider.url, oidcClientId: 'tickloom' },
      { environment: { TICKLOOM_OIDC_CLIENT_SECRET: 'secret-of-tickloom' } },
    );
    const tokens = await Promise.all([1, 2, 3, 4].map(() => provider.token()));
    const held: ServerResponseLike[] = [];
    provider.instead = ({ url }, response) => {
      if (!url.includes('introspection')) return false;
      held.push(response);
      return true;
    };
    const asked = tokens.map((token) => askAs(server, token));
    expect(codeOf(await Promise.race(asked))).toBe('UNAVAILABLE');
    await vi.waitFor(() => expect(held).toHaveLength(3));
    for (const response of held) {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{}');
    }
    expect((await Promise.all(asked)).map(codeOf)).toEqual(Array(4).fill('UNAVAILABLE'));
    provider.instead = () => false;
    expect(codeOf(await askAs(server, tokens[0] ?? ''))).toBe('OK');
  }, 60_000);

  test('that is down, or answers nonsense, opens nothing; tokens seen before go on', async () => {
    const provider = await RealProvider.start();
    const server = await serveTitle({ oidcIssuer: provider.url });
    const [seen, unseen] = [await provider.token(), await provider.token()];
    expect(codeOf(await askAs(server, seen))).toBe('OK');
    await provider.rotate();
    await provider.down();
    expect(codeOf(await askAs(server, seen))).toBe('OK');

    const nonsense: Record<string, string> = {
      'an empty body': '',
      'no JSON': '<html>down for maintenance</html>',
      'no keys': '{"keys": 7}',
      'far too much': `{"keys": [${'"x",'.repeat(10_000)}"x"]}`,
    };
    await provider.up();
    const fresh = await provider.token();
    for (const [what, body] of Object.entries(nonsense)) {
      provider.instead = ({ url }, response) => {
        if (!url.startsWith('/jwks')) return false;
        response.setHeader('content-type', 'application/json').end(body);
        return true;
      };
      const answer = await askAs(server, fresh);
      expect([what, codeOf(answer), answer.status]).toEqual([what, 'UNAVAILABLE', 503]);
    }
    provider.instead = () => false;
    await vi.waitFor(async () => expect(codeOf(await askAs(server, fresh))).toBe('OK'));
    // Its key is one that the provider has no longer.
    expect(codeOf(await askAs(server, unseen))).toBe('UNAUTHENTICATED');
  }, 60_000);
});

type ServerResponseLike = Parameters<RealProvider['instead']>[1];
