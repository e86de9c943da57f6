import { createHmac } from 'node:crypto';
import type { JWTHeaderParameters } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { Principal } from '../../resolvers/context.ts';
import { Identity } from '../../src/identity/identity.ts';
import { queryClassOf } from '../../src/identity/principal.ts';
import { ProviderDiscovery } from '../../src/identity/provider.ts';
import { onTokenExpiry } from '../../src/identity/token-expiry.ts';
import type { AuthFailure } from '../../src/identity/verified-token.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { TestIssuer } from './test-issuer.ts';
import { nobodyDenied, trustedIssuer } from './trusted-issuers.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { tokensRememberedMax: 3, keySetCooldownMs: 400, keySetWaitersMax: 3 };
  return { servingLimits: { ...servingLimits, ...small } };
});

const catalog = new Catalog(ashfall);

async function setUp(options: { readonly role?: string; readonly nowMs?: () => number } = {}) {
  const issuer = await TestIssuer.start();
  await issuer.addKey('first');
  const failures: AuthFailure[] = [];
  const trusted = trustedIssuer(issuer.url, options.role);
  const identity = new Identity({
    issuers: [{ trusted, discovery: new ProviderDiscovery({ trusted }) }],
    denials: nobodyDenied,
    onFailure: (reason) => failures.push(reason),
    ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
  });
  const ask = async (token: string): Promise<Principal> =>
    identity.principal(`Bearer ${token}`, catalog);
  return { issuer, identity, failures, ask };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  return error instanceof EngineError ? error.code : String(error);
}

describe('identity', () => {
  test('a token of the issuer names subject, role, class and claims', async () => {
    const { issuer, ask } = await setUp();
    const principal = await ask(await issuer.token('first', { sub: 'ann', player_id: 3 }));
    expect(principal).toMatchObject({
      subject: 'ann',
      class: 'OPERATOR',
      claims: { player_id: 3 },
    });
    expect(principal.role?.name).toBe('liveops');
  });

  test.each(['RS256', 'EdDSA'])('a token signed with %s is taken', async (alg) => {
    const { issuer, ask } = await setUp();
    await issuer.addKey('other', alg);
    expect((await ask(await issuer.token('other'))).subject).toBe('tester');
  });

  test('a token is verified once and then remembered until it expires', async () => {
    let nowMs = Date.now();
    const { issuer, identity, ask } = await setUp({ nowMs: () => nowMs });
    const token = await issuer.token('first');
    await ask(token);
    const requests = issuer.requests;
    expect(identity.principal(`Bearer ${token}`, catalog)).not.toBeInstanceOf(Promise);
    expect(issuer.requests).toBe(requests);
    nowMs += 700_000;
    expect(await codeOf(ask(token))).toBe('TOKEN_EXPIRED');
  });

  test('so many tokens are remembered; one more, and the one known longest is verified again', async () => {
    const { issuer, identity, ask } = await setUp();
    const areRemembered = async (...tokens: readonly string[]) => {
      const answers = tokens.map((token) => identity.principal(`Bearer ${token}`, catalog));
      await Promise.all(answers);
      return answers.map((answer) => !(answer instanceof Promise));
    };
    const tokens: string[] = [];
    for (let i = 0; i <= servingLimits.tokensRememberedMax; i++) {
      tokens.push(await issuer.token('first', { sub: `subject ${i}` }));
    }
    const [first = '', ...others] = tokens;
    const last = others.pop() ?? '';
    for (const token of [first, ...others]) await ask(token);
    expect(await areRemembered(first, ...others)).not.toContain(false);
    await ask(last);
    expect(await areRemembered(...others, last)).not.toContain(false);
    expect(await areRemembered(first)).toEqual([false]);
  });

  test('a new key of the issuer is found without a restart', async () => {
    const { issuer, ask } = await setUp();
    await issuer.addKey('second');
    expect((await ask(await issuer.token('second'))).subject).toBe('tester');
  });

  test('the first token of a new key is taken right after a look at the keys (keySetCooldownMs)', async () => {
    const { issuer, ask, failures } = await setUp();
    await ask(await issuer.token('first'));
    const requests = issuer.requests;
    await issuer.addKey('second');
    const startedMs = performance.now();
    const tokens = await Promise.all(
      ['ann', 'bob', 'cid'].map((sub) => issuer.token('second', { sub })),
    );
    const principals = await Promise.all(tokens.map(ask));
    expect(principals.map(({ subject }) => subject)).toEqual(['ann', 'bob', 'cid']);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(
      servingLimits.keySetCooldownMs - 200,
    );
    // All of them waited for one look.
    expect(issuer.requests).toBe(requests + 1);
    expect(failures).toEqual([]);
  });

  test('a token of a key that the issuer does not have is refused after one more look', async () => {
    const { issuer, ask, failures } = await setUp();
    await ask(await issuer.token('first'));
    const requests = issuer.requests;
    await issuer.addKey('forged');
    issuer.withdrawKey('forged');
    expect(await codeOf(ask(await issuer.token('forged')))).toBe('UNAUTHENTICATED');
    expect(issuer.requests).toBe(requests + 1);
    expect(failures).toEqual(['signature']);
  });

  test('so many tokens wait for the next look at the keys, and one more may try again (keySetWaitersMax)', async () => {
    const { issuer, ask } = await setUp();
    await ask(await issuer.token('first'));
    await issuer.addKey('second');
    const codes: string[] = [];
    for (let i = 0; i <= servingLimits.keySetWaitersMax; i++) {
      const token = await issuer.token('second', { sub: `subject ${i}` });
      void ask(token).then(
        () => codes.push('OK'),
        (error) => codes.push(error.code),
      );
    }
    await vi.waitFor(() => expect(codes).toHaveLength(servingLimits.keySetWaitersMax + 1));
    expect(codes).toEqual(['UNAVAILABLE', ...Array(servingLimits.keySetWaitersMax).fill('OK')]);
  });

  test('a token of a withdrawn key is refused by a server that has not seen it', async () => {
    const { issuer, ask, failures } = await setUp();
    const token = await issuer.token('first');
    await issuer.addKey('second');
    issuer.withdrawKey('first');
    expect(await codeOf(ask(token))).toBe('UNAUTHENTICATED');
    expect(failures).toEqual(['signature']);
  });

  test.each<[string, Record<string, unknown>, string, AuthFailure]>([
    ['another issuer', { iss: 'https://evil.example' }, 'UNAUTHENTICATED', 'issuer'],
    ['another audience', { aud: 'shop' }, 'UNAUTHENTICATED', 'audience'],
    ['a past expiry', { exp: 1_000 }, 'TOKEN_EXPIRED', 'expired'],
    ['no expiry', { exp: undefined }, 'UNAUTHENTICATED', 'claims'],
    ['no subject', { sub: undefined }, 'UNAUTHENTICATED', 'claims'],
    ['a begin in the future', { nbf: 9_999_999_999 }, 'UNAUTHENTICATED', 'claims'],
    ['another title', { tickloom_title: 'other' }, 'FORBIDDEN', 'title'],
    ['no title', { tickloom_title: undefined }, 'FORBIDDEN', 'title'],
  ])('a token with %s is refused', async (_name, claims, code, reason) => {
    const { issuer, ask, failures } = await setUp();
    expect(await codeOf(ask(await issuer.token('first', claims)))).toBe(code);
    expect(failures).toEqual([reason]);
  });

  test.each<[string, Record<string, unknown>, Partial<JWTHeaderParameters>]>([
    ['an ID token by its nonce', { nonce: 'n-0S6_WzA2Mj' }, {}],
    ['an ID token by the hash of its access token', { at_hash: 'MTIzNDU2Nzg5' }, {}],
    ['an ID token by the hash of its code', { c_hash: 'LDktKdoQak3Pk0cn' }, {}],
    ["Keycloak's ID token", { typ: 'ID' }, { typ: 'JWT' }],
    ["Keycloak's refresh token", { typ: 'Refresh' }, { typ: 'JWT' }],
    ["Cognito's ID token", { token_use: 'id' }, {}],
    [
      'a logout token',
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
      {},
    ],
    ['a logout token by its type', {}, { typ: 'logout+jwt' }],
    ['a proof of possession', {}, { typ: 'dpop+jwt' }],
    ['a token of a type nobody knows', {}, { typ: 'x'.repeat(5_000) }],
  ])(
    '%s is no access token, though its audience is the right one',
    async (_name, claims, header) => {
      const { issuer, ask, failures } = await setUp();
      const error = await ask(await issuer.token('first', claims, header)).catch(
        (caught) => caught,
      );
      expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
      expect(error.message).toMatch(/not an access token/);
      expect(error.message.length).toBeLessThan(200);
      expect(failures).toEqual(['kind']);
    },
  );

  test.each<[string, Record<string, unknown>, Partial<JWTHeaderParameters>]>([
    ['RFC 9068', { nonce: 'kept' }, { typ: 'at+jwt' }],
    ['RFC 9068, in full', {}, { typ: 'application/AT+JWT' }],
    ['Keycloak', { typ: 'Bearer', azp: 'game', auth_time: 1 }, { typ: 'JWT' }],
    ['Cognito', { token_use: 'access' }, {}],
    ['an issuer that says nothing', {}, {}],
  ])('an access token of %s is taken', async (_name, claims, header) => {
    const { issuer, ask } = await setUp();
    expect((await ask(await issuer.token('first', claims, header))).subject).toBe('tester');
  });

  test('a token that is good for longer than a timer can wait expires when it says', () => {
    vi.useFakeTimers();
    try {
      const dayMs = 24 * 3_600_000;
      let isExpired = false;
      const expiresAtMs = Date.now() + 100 * dayMs;
      onTokenExpiry({ expiresAtMs }, () => {
        isExpired = true;
      });
      vi.advanceTimersByTime(100 * dayMs - 1);
      expect(isExpired).toBe(false);
      vi.advanceTimersByTime(1);
      expect(isExpired).toBe(true);
      const forget = onTokenExpiry({ expiresAtMs: Date.now() + 60 * dayMs }, () => {
        throw new Error('it was called off');
      });
      vi.advanceTimersByTime(30 * dayMs);
      forget();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a token without a role of the title is somebody who may do nothing', async () => {
    const { issuer, ask, failures } = await setUp();
    const principal = await ask(await issuer.token('first', { tickloom_role: 'emperor' }));
    expect(principal).toMatchObject({ role: null, class: 'ARCHIVAL' });
    expect(failures).toEqual(['role']);
  });

  test('titles and roles may be lists, and the role may lie deep in the token', async () => {
    const { issuer, ask } = await setUp({ role: 'realm_access.roles' });
    const token = await issuer.token('first', {
      tickloom_title: ['other', 'ashfall'],
      realm_access: { roles: ['offline_access', 'analyst'] },
    });
    expect((await ask(token)).role?.name).toBe('analyst');
  });

  test('a claim whose name is a URL is found by that name', async () => {
    const { issuer, ask } = await setUp({ role: 'https://example.com/role' });
    const token = await issuer.token('first', { 'https://example.com/role': 'admin' });
    expect((await ask(token)).role?.name).toBe('admin');
  });

  test('a token with one byte changed is refused', async () => {
    const { issuer, ask } = await setUp();
    const [header, , signature] = (await issuer.token('first')).split('.');
    const payload = (await issuer.token('first', { tickloom_role: 'admin' })).split('.')[1];
    expect(await codeOf(ask(`${header}.${payload}.${signature}`))).toBe('UNAUTHENTICATED');
  });

  test('an unsigned token and one signed with a shared secret are refused', async () => {
    const { issuer, ask } = await setUp();
    const payload = (await issuer.token('first')).split('.')[1];
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await codeOf(ask(`${part({ alg: 'none' })}.${payload}.`))).toBe('UNAUTHENTICATED');
    const signed = `${part({ alg: 'HS256', kid: 'first' })}.${payload}`;
    const mac = createHmac('sha256', 'first').update(signed).digest('base64url');
    expect(await codeOf(ask(`${signed}.${mac}`))).toBe('UNAUTHENTICATED');
  });

  test.each([undefined, '', 'Basic YTpi', 'Bearer', 'Bearer a b', 7])(
    'the authorization %o is refused',
    async (authorization) => {
      const { identity } = await setUp();
      const ask = async () => identity.principal(authorization, catalog);
      expect(await codeOf(ask())).toBe('UNAUTHENTICATED');
    },
  );

  test('a provider that names itself otherwise is not trusted', async () => {
    const { issuer, ask } = await setUp();
    issuer.claimedIssuer = 'https://accounts.example.com';
    expect(await codeOf(ask(await issuer.token('first')))).toBe('UNAVAILABLE');
  });

  test('a provider that is wrong or down is looked for until it is found, and is told of', async () => {
    const issuer = await TestIssuer.start();
    issuer.claimedIssuer = 'https://accounts.example.com';
    const found = new Promise<void>((onFound) => {
      const discovery: ProviderDiscovery = new ProviderDiscovery({
        trusted: { issuer: issuer.url, introspection: null },
        onFound,
        onFailure: (reason) => {
          expect(reason).toContain('calls itself https://accounts.example.com');
          expect(discovery.problem).toContain(`${issuer.url} cannot be used: `);
          issuer.claimedIssuer = null;
        },
      });
      expect(discovery.problem).toContain('has not answered yet');
      discovery.watch();
      onTestFinished(() => {
        expect(discovery.problem).toBeNull();
        discovery.close();
      });
    });
    await found;
  });

  test('a provider that comes back is found again', async () => {
    const { issuer, ask } = await setUp();
    issuer.claimedIssuer = 'https://accounts.example.com';
    const token = await issuer.token('first');
    expect(await codeOf(ask(token))).toBe('UNAVAILABLE');
    issuer.claimedIssuer = null;
    expect((await ask(token)).subject).toBe('tester');
  });

  test('the class can be lowered and not raised', async () => {
    const { issuer, ask } = await setUp();
    const principal = await ask(await issuer.token('first'));
    expect(queryClassOf(principal, undefined)).toBe('OPERATOR');
    expect(queryClassOf(principal, 'archival')).toBe('ARCHIVAL');
    expect(() => queryClassOf(principal, 'GAMEPLAY')).toThrow(/can only lower/);
    expect(() => queryClassOf(principal, 'URGENT')).toThrow(/must be one of/);
  });
});
