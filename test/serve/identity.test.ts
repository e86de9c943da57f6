import { createHmac } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EngineError } from '../../engine/errors.ts';
import { limits } from '../../engine/limits.ts';
import { Catalog } from '../../engine/manifest/catalog.ts';
import type { Principal } from '../../resolvers/context.ts';
import { Identity } from '../../src/identity/identity.ts';
import { queryClassOf } from '../../src/identity/principal.ts';
import { ProviderDiscovery } from '../../src/identity/provider.ts';
import type { AuthFailure } from '../../src/identity/token-verifier.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { TestIssuer } from './test-issuer.ts';

vi.mock('../../engine/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/limits.ts')>();
  return { limits: { ...limits, tokensRememberedMax: 3 } };
});

const catalog = new Catalog(ashfall);

async function setUp(options: { readonly role?: string; readonly nowMs?: () => number } = {}) {
  const issuer = await TestIssuer.start();
  await issuer.addKey('first');
  const failures: AuthFailure[] = [];
  const identity = new Identity({
    issuer: issuer.url,
    audience: 'tickloom',
    claims: { role: options.role ?? 'tickloom_role', title: 'tickloom_title' },
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
    for (let i = 0; i <= limits.tokensRememberedMax; i++) {
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
        issuer: issuer.url,
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
