import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { Principal } from '../../resolvers/context.ts';
import { DenyList } from '../../src/identity/deny-list.ts';
import { Identity } from '../../src/identity/identity.ts';
import { LivePrincipal } from '../../src/identity/live-principal.ts';
import { ProviderDiscovery } from '../../src/identity/provider.ts';
import type { TitleIdentity } from '../../src/identity/title-identity.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { TestIssuer } from './test-issuer.ts';
import { nobodyDenied, trustedIssuer } from './trusted-issuers.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = { introspectionsRunningMax: 2, tokensRefusedRememberedMax: 2, denialsMax: 3 };
  return { servingLimits: { ...servingLimits, ...small } };
});

const catalog = new Catalog(ashfall);

async function setUp() {
  const issuer = await TestIssuer.start();
  let nowMs = Date.now();
  const introspection = { clientId: 'us', clientSecret: 'secret', asks: 'opaque' } as const;
  const trusted = { ...trustedIssuer(issuer.url), introspection };
  const identity = new Identity({
    issuers: [{ trusted, discovery: new ProviderDiscovery({ trusted }) }],
    denials: nobodyDenied,
    onFailure: () => undefined,
    nowMs: () => nowMs,
  });
  const asked: string[] = [];
  const claims = {
    active: true,
    sub: 'ann',
    aud: ['other', 'tickloom'],
    exp: Math.floor(nowMs / 1000) + 600,
    tickloom_title: 'ashfall',
    tickloom_role: 'liveops',
  };
  const tells = (told: (token: string) => unknown) => {
    issuer.told = (token) => {
      asked.push(token);
      return told(token);
    };
  };
  tells(() => claims);
  const ask = async (token: string): Promise<Principal> =>
    identity.principal(`Bearer ${token}`, catalog);
  const code = (token: string) =>
    ask(token).then(
      () => 'OK',
      (error: EngineError) => error.code,
    );
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { issuer, asked, claims, tells, ask, code, wait };
}

describe('a provider that is asked what a token is', () => {
  test('what it said holds so long, and never past the end of the token (introspectionRememberedMs)', async () => {
    const { asked, claims, tells, ask, code, wait } = await setUp();
    expect(await ask('one')).toMatchObject({ subject: 'ann', class: 'OPERATOR' });
    wait(servingLimits.introspectionRememberedMs - 1);
    await ask('one');
    expect(asked).toEqual(['one']);
    wait(1);
    await ask('one');
    expect(asked).toEqual(['one', 'one']);

    const soon = { ...claims, exp: claims.exp - 590 };
    tells(() => soon);
    await ask('two');
    wait(soon.exp * 1000 - Date.now() - servingLimits.introspectionRememberedMs + 20_000);
    expect(await code('two')).toBe('TOKEN_EXPIRED');
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['is not active', { active: false }, 'UNAUTHENTICATED'],
    ['names no audience', { aud: undefined }, 'UNAUTHENTICATED'],
    ['names another audience', { aud: 'shop' }, 'UNAUTHENTICATED'],
    ['names another issuer', { iss: 'https://evil.example' }, 'UNAUTHENTICATED'],
    ['has no end', { exp: undefined }, 'UNAUTHENTICATED'],
    ['is over', { exp: 1_000 }, 'TOKEN_EXPIRED'],
    ['is not good yet', { nbf: 9_999_999_999 }, 'UNAUTHENTICATED'],
    ['is a refresh token', { token_type: 'refresh_token' }, 'UNAUTHENTICATED'],
    ['is an ID token', { nonce: 'n' }, 'UNAUTHENTICATED'],
    ['is of another title', { tickloom_title: 'chess' }, 'FORBIDDEN'],
    ['is of nobody', { sub: undefined }, 'UNAUTHENTICATED'],
  ])('opens nothing with one that %s', async (_what, changed, expected) => {
    const { claims, tells, code } = await setUp();
    tells(() => ({ ...claims, ...changed }));
    expect(await code('one')).toBe(expected);
  });

  test('opens nothing with an answer that says nothing', async () => {
    const { tells, code } = await setUp();
    for (const answer of [{}, [], null, 7, { active: 'yes' }]) {
      tells(() => answer);
      expect(await code(`token-${JSON.stringify(answer)}`)).toBe('UNAVAILABLE');
    }
  });

  test('an answer of so many bytes is read, and not one more (providerAnswerBytesMax)', async () => {
    const { claims, tells, code } = await setUp();
    const padded = (bytes: number) => {
      const empty = JSON.stringify({ ...claims, pad: '' }).length;
      return { ...claims, pad: 'x'.repeat(bytes - empty) };
    };
    tells(() => padded(servingLimits.providerAnswerBytesMax));
    expect(await code('one')).toBe('OK');
    tells(() => padded(servingLimits.providerAnswerBytesMax + 1));
    expect(await code('two')).toBe('UNAVAILABLE');
  });

  test('it is asked for so many tokens at once, and not for one more (introspectionsRunningMax)', async () => {
    const { asked, claims, tells, code } = await setUp();
    let answer: (value: unknown) => void = () => undefined;
    const held = new Promise((resolve) => {
      answer = resolve;
    });
    tells(() => held);
    const running = ['a', 'b', 'a'].map(code);
    await vi.waitFor(() => expect(asked).toHaveLength(servingLimits.introspectionsRunningMax));
    expect(await code('c')).toBe('UNAVAILABLE');
    answer(claims);
    // Two callers of one token shared a question.
    expect(await Promise.all(running)).toEqual(['OK', 'OK', 'OK']);
    expect(asked.sort()).toEqual(['a', 'b']);
    expect(await code('c')).toBe('OK');
  });

  test('so many tokens that it did not know are remembered (tokensRefusedRememberedMax)', async () => {
    const { asked, tells, code } = await setUp();
    tells(() => ({ active: false }));
    const ask = async (...tokens: readonly string[]) => {
      asked.length = 0;
      for (const token of tokens) expect(await code(token)).toBe('UNAUTHENTICATED');
      return [...asked];
    };
    expect(await ask('a', 'b', 'a', 'b')).toEqual(['a', 'b']);
    expect(await ask('c', 'c', 'a')).toEqual(['c', 'a']);
  });
});

describe('who stays connected', () => {
  afterEach(() => vi.useRealTimers());

  test('it is asked again for what stays open, and may be silent for so long (introspectionRecheckMs, introspectionSilenceMaxMs)', async () => {
    vi.useFakeTimers();
    const { introspectionRecheckMs, introspectionSilenceMaxMs } = servingLimits;
    const principal: Principal = {
      subject: 'ann',
      role: null,
      class: 'ARCHIVAL',
      claims: {},
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
    let questions = 0;
    let answer = () => principal;
    const authenticate = () => {
      questions++;
      return answer();
    };
    const identity = { isIntrospected: () => true };
    const title = {
      authenticate,
      sessionOf: () => null,
      denial: () => null,
      now: () => principal,
      onChange: () => () => {},
    };
    const ends: string[] = [];
    const live = new LivePrincipal(
      identity as unknown as Identity,
      title as unknown as TitleIdentity,
      { authorization: 'Bearer one', role: undefined, page: {} },
      principal,
      { onChange: () => ends.push('changed'), onEnd: ({ code }) => ends.push(code) },
    );
    await vi.advanceTimersByTimeAsync(introspectionRecheckMs - 1);
    expect(questions).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(questions).toBe(1);
    answer = () => {
      throw new EngineError('UNAVAILABLE', 'silent');
    };
    await vi.advanceTimersByTimeAsync(introspectionRecheckMs + introspectionSilenceMaxMs);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(introspectionRecheckMs);
    expect(ends).toEqual(['UNAVAILABLE']);
    expect(vi.getTimerCount()).toBe(0);
    live.close();
  });
});

describe('the list of denials', () => {
  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'tickloom-denials-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  }

  const subject = (name: string) => ({ kind: 'subject', subject: name }) as const;

  test('so many denials are kept, and not one more (denialsMax)', () => {
    let nowMs = 1_000_000;
    const path = directory();
    const list = DenyList.open(path, () => nowMs);
    for (let i = 0; i < servingLimits.denialsMax; i++) list.add(subject(`s${i}`), nowMs + 100);
    expect(() => list.add(subject('more'), null)).toThrow(/^3 denials hold already/);
    // A denial that is repeated is no more.
    list.add(subject('s0'), nowMs + 200);
    nowMs += 100;
    list.add(subject('more'), null);
    const again = DenyList.open(path, () => nowMs);
    expect(again.denials().map(({ key }) => key)).toEqual([subject('s0'), subject('more')]);
    expect(again.denies({ subject: 's0', tokenId: null })).toBe(true);
    expect(again.denies({ subject: 's1', tokenId: 's0' })).toBe(false);
  });

  test('that is damaged lets nobody in by an accident: the start names it', () => {
    for (const content of ['{', '{"format":2,"denied":[]}', '{"format":1,"denied":[{}]}']) {
      const path = directory();
      writeFileSync(join(path, 'denied-tokens.json'), content);
      expect(() => DenyList.open(path)).toThrow(/denied-tokens\.json is damaged/);
    }
  });
});
