import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { Principal } from '../../resolvers/context.ts';
import { trustedIssuers } from '../../src/config/issuers.ts';
import { loadSettings, SettingError } from '../../src/config/load-settings.ts';
import { Identity } from '../../src/identity/identity.ts';
import { ProviderDiscovery } from '../../src/identity/provider.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { TestIssuer } from './test-issuer.ts';
import { nobodyDenied, trustedIssuer } from './trusted-issuers.ts';

const catalog = new Catalog(ashfall);

function fileWith(content: string, name = 'config.json'): string {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-issuers-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function settingsOf(file: unknown) {
  const configFile = fileWith(JSON.stringify(file));
  return loadSettings({ flags: {}, environment: {}, configFile }).settings;
}

function asking(settings: ReturnType<typeof settingsOf>) {
  const issuers = trustedIssuers(settings).map((trusted) => {
    return { trusted, discovery: new ProviderDiscovery({ trusted }) };
  });
  const identity = new Identity({ issuers, denials: nobodyDenied, onFailure: () => undefined });
  return async (token: string, role?: string): Promise<Principal> =>
    identity.principal(`Bearer ${token}`, catalog, role);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'OK',
    (error: unknown) => (error instanceof EngineError ? error.code : String(error)),
  );
}

async function issuerWithKey(): Promise<TestIssuer> {
  const issuer = await TestIssuer.start();
  await issuer.addKey('first');
  return issuer;
}

describe('several issuers', () => {
  test('are each taken at their word within what they are trusted for', async () => {
    const [players, staff] = [await issuerWithKey(), await issuerWithKey()];
    const ask = asking(
      settingsOf({
        oidcIssuer: [
          { issuer: players.url },
          {
            issuer: staff.url,
            audience: ['https://api.example.com', 'ops'],
            roleClaim: 'https://example.com/roles',
            titleClaim: null,
            titles: ['ashfall'],
            attributes: { player_id: 'https://example.com/player.id' },
            subjectPrefix: 'staff/',
          },
        ],
      }),
    );
    expect((await ask(await players.token('first', { sub: '7' }))).subject).toBe('7');
    const token = await staff.token('first', {
      sub: '7',
      aud: 'ops',
      tickloom_title: undefined,
      tickloom_role: undefined,
      player_id: 666,
      'https://example.com/roles': ['liveops', 'player'],
      'https://example.com/player': { id: 3 },
    });
    const principal = await ask(token, 'player');
    expect(principal).toMatchObject({ subject: 'staff/7', class: 'OPERATOR' });
    // The mapped claim alone: here its path is a name with dots that the token does not have.
    expect(principal.claims.player_id).toBeUndefined();
    // What one issuer signs is nothing under the other's name.
    const borrowed = await players.token('first', { iss: staff.url, aud: 'ops' });
    expect(await codeOf(ask(borrowed))).toBe('UNAUTHENTICATED');
  });

  test('give subjects that are told apart, though they name them alike', async () => {
    const [one, other] = [await issuerWithKey(), await issuerWithKey()];
    const flags = { oidcIssuer: `${one.url}, ${other.url}` };
    const ask = asking(loadSettings({ flags, environment: {}, configFile: null }).settings);
    const subjects = [await one.token('first'), await other.token('first')].map(
      async (token) => (await ask(token)).subject,
    );
    expect(await Promise.all(subjects)).toEqual(['tester', `${other.url}|tester`]);
  });

  test('that are trusted for other titles do not open this one', async () => {
    const issuer = await issuerWithKey();
    const ask = asking(settingsOf({ oidcIssuer: [{ issuer: issuer.url, titles: ['chess'] }] }));
    const error = await ask(await issuer.token('first')).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect(error.message).toContain('"ashfall"');
  });
});

describe('a token', () => {
  test('of a client that names no subject is the client', async () => {
    const issuer = await issuerWithKey();
    const ask = asking(settingsOf({ oidcIssuer: issuer.url }));
    const token = (claims: Record<string, unknown>) =>
      issuer.token('first', { sub: undefined as never, ...claims });
    expect((await ask(await token({ client_id: 'server', azp: 'x' }))).subject).toBe('server');
    expect((await ask(await token({ azp: 'server' }))).subject).toBe('server');
    expect(await codeOf(ask(await token({})))).toBe('UNAUTHENTICATED');
  });

  test('has attributes from deep within, and only from there', async () => {
    const issuer = await issuerWithKey();
    const oidcAttributes = 'player_id=game.player.id, region=region';
    const ask = asking(settingsOf({ oidcIssuer: issuer.url, oidcAttributes }));
    const claims = { player_id: 666, region: 'eu', game: { player: { id: 3 } } };
    const principal = await ask(await issuer.token('first', claims));
    expect(principal.claims).toMatchObject({ player_id: 3, region: 'eu' });
  });

  test('may be as long as this and no longer (tokenCharsMax)', async () => {
    const issuer = await issuerWithKey();
    const ask = asking(settingsOf({ oidcIssuer: issuer.url }));
    const { tokenCharsMax } = servingLimits;
    const empty = (await issuer.token('first', { pad: '' })).length;
    const fits = await issuer.token('first', {
      pad: 'x'.repeat(Math.floor(((tokenCharsMax - empty) * 3) / 4) - 3),
    });
    expect(fits.length).toBeLessThanOrEqual(tokenCharsMax);
    expect(await codeOf(ask(fits))).toBe('OK');
    expect(await codeOf(ask('x'.repeat(tokenCharsMax + 1)))).toBe('UNAUTHENTICATED');
  });

  test('of a clock that is ahead or behind is taken within the tolerance', async () => {
    const issuer = await issuerWithKey();
    const nowSeconds = Math.floor(Date.now() / 1000);
    const ahead = await issuer.token('first', { nbf: nowSeconds + 100 });
    const strict = asking(settingsOf({ oidcIssuer: issuer.url }));
    const loose = asking(settingsOf({ oidcIssuer: issuer.url, oidcClockToleranceSeconds: 120 }));
    expect(await codeOf(strict(ahead))).toBe('UNAUTHENTICATED');
    expect(await codeOf(loose(ahead))).toBe('OK');
    const behind = await issuer.token('first', { exp: nowSeconds - 100 });
    expect(await codeOf(strict(behind))).toBe('TOKEN_EXPIRED');
    expect(await codeOf(loose(behind))).toBe('OK');
  });

  test('that names none of several keys is tried with each', async () => {
    const issuer = await issuerWithKey();
    await issuer.addKey('second');
    const ask = asking(settingsOf({ oidcIssuer: issuer.url }));
    const token = await issuer.token('second', {}, { kid: undefined } as never);
    expect(await codeOf(ask(token))).toBe('OK');
  });

  test('must be signed with an algorithm of the list', async () => {
    const issuer = await issuerWithKey();
    const ask = asking(settingsOf({ oidcIssuer: issuer.url, oidcAlgorithms: 'PS256,ES384' }));
    const error = await ask(await issuer.token('first')).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(error.message).toBe('the token must be signed with one of PS256, ES384');
    await issuer.addKey('other', 'ES384');
    expect(await codeOf(ask(await issuer.token('other')))).toBe('OK');
  });
});

test('discovery is asked again when it has aged, and one that fails then changes nothing', async () => {
  const issuer = await issuerWithKey();
  let nowMs = 0;
  const trusted = trustedIssuer(issuer.url);
  const discovery = new ProviderDiscovery({ trusted, nowMs: () => nowMs });
  onTestFinished(() => discovery.close());
  const found = await discovery.find();
  const requests = issuer.requests;
  nowMs += servingLimits.discoveryAgeMaxMs - 1;
  await discovery.find();
  expect(issuer.requests).toBe(requests);
  nowMs += 1;
  expect(await discovery.find()).toBe(found);
  await vi.waitFor(() => expect(issuer.requests).toBe(requests + 1));
  await vi.waitFor(async () => expect(await discovery.find()).not.toBe(found));
  const second = await discovery.find();
  // Its keys, and when they may be fetched again, are the same.
  expect(second.keys).toBe(found.keys);
  issuer.claimedIssuer = 'https://evil.example';
  nowMs += servingLimits.discoveryAgeMaxMs;
  await discovery.find();
  await vi.waitFor(() => expect(issuer.requests).toBe(requests + 2));
  expect(await discovery.find()).toBe(second);
  expect(discovery.problem).toBeNull();
});

describe('what is set of issuers wrongly is refused at the start', () => {
  const issuer = 'https://id.example.com';
  test.each<[string, unknown, RegExp]>([
    ['no issuer', [{}], /a URL that begins http/],
    ['a password in its URL', 'https://me:hunter2@id.example.com', /a URL that begins http/],
    ['one twice', [{ issuer }, { issuer }], /names each issuer once/],
    ['an unknown key', [{ issuer, audiance: 'x' }], /it has "audiance"/],
    ['a secret', [{ issuer, clientSecret: 'hunter2' }], /"clientSecretFile"/],
    ['half a client', [{ issuer, clientId: 'x' }], /both "clientId" and "clientSecretFile"/],
    ['a shared secret', [{ issuer, algorithms: ['HS256'] }], /some of RS256/],
    ['no algorithm', [{ issuer, algorithms: ['none'] }], /some of RS256/],
    ['no title at all', [{ issuer, titleClaim: null }], /names its "titles"/],
    ['a clock far off', [{ issuer, clockToleranceSeconds: 3_600 }], /up to 300/],
    ['a list of texts', [issuer], /a list of objects/],
  ])('%s', (_what, oidcIssuer, message) => {
    expect(() => settingsOf({ oidcIssuer })).toThrow(SettingError);
    expect(() => settingsOf({ oidcIssuer })).toThrow(message);
    expect(() => settingsOf({ oidcIssuer })).not.toThrow(/hunter2/);
  });

  test('a secret that several issuers would see, and two that are asked for opaque tokens', () => {
    const environment = {
      TICKLOOM_OIDC_ISSUER: 'https://a.example,https://b.example',
      TICKLOOM_OIDC_CLIENT_ID: 'tickloom',
      TICKLOOM_OIDC_CLIENT_SECRET: 'hunter2',
    };
    const load = () => loadSettings({ flags: {}, environment, configFile: null });
    expect(load).toThrow(/give each its own client/);
    expect(load).not.toThrow(/hunter2/);
    const clientSecretFile = fileWith('hunter2\n', 'secret');
    const client = { clientId: 'tickloom', clientSecretFile };
    const two = [
      { issuer: 'https://a.example', ...client },
      { issuer: 'https://b.example', ...client },
    ];
    expect(() => settingsOf({ oidcIssuer: two })).toThrow(/one issuer at most/);
    const [first, second] = two;
    const list = [first, { ...second, introspection: 'jwt' }];
    const found = trustedIssuers(settingsOf({ oidcIssuer: list }));
    expect(found.map(({ introspection }) => introspection?.clientSecret)).toEqual([
      'hunter2',
      'hunter2',
    ]);
  });
});
