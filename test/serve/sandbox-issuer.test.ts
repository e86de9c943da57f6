import { request } from 'node:http';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { codeOf, Sandbox } from './sandbox.ts';
import { askAs } from './served.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, sandboxCodesMax: 2, sandboxFormBytesMax: 4_096 } };
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

const ofLiveops = '{ matchPulse { position } }';

function discover(clientId: string, secret?: string): Promise<client.Configuration> {
  const issuer = new URL(`${sandbox.url}/sandbox/oidc`);
  const signIn = secret === undefined ? client.None() : client.ClientSecretBasic(secret);
  return client.discovery(issuer, clientId, {}, signIn, {
    execute: [client.allowInsecureRequests],
  });
}

const redirectUri = 'http://127.0.0.1:5173/callback';

/** The address of the authorisation page, as a client library builds it. */
async function pageFor(found: client.Configuration, verifier: string, more = {}): Promise<URL> {
  return client.buildAuthorizationUrl(found, {
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  });
}

/** What a browser does whose user chooses a role on the page. */
async function choose(page: URL, role: string): Promise<Response> {
  const body = new URLSearchParams(page.search);
  body.set('as', role);
  body.set('as_subject', 'ann');
  const headers = { origin: page.origin };
  return fetch(`${page.origin}${page.pathname}`, {
    method: 'POST',
    headers,
    body,
    redirect: 'manual',
  });
}

describe("the sandbox's provider", () => {
  test('gives service accounts their tokens by client credentials', async () => {
    for (const name of ['liveops', 'ashfall:liveops']) {
      const found = await discover(name, 'any');
      const { access_token: token } = await client.clientCredentialsGrant(found);
      expect(codeOf(await askAs(sandbox, token, ofLiveops))).toBe('OK');
    }
    const nobody = client.clientCredentialsGrant(await discover('emperor', 'any'));
    await expect(nobody).rejects.toMatchObject({ error: 'invalid_client', status: 401 });
  });

  test('lets somebody choose a role on a page, and gives the client a token for the code', async () => {
    const found = await discover('my-game');
    const verifier = client.randomPKCECodeVerifier();
    const page = await pageFor(found, verifier);
    const shown = await fetch(page);
    expect(shown.headers.get('x-frame-options')).toBe('DENY');
    const html = await shown.text();
    for (const role of ['game-server', 'liveops', 'player']) {
      expect(html).toContain(`value="ashfall:${role}"`);
    }
    const chosen = await choose(page, 'ashfall:liveops');
    expect(chosen.status).toBe(303);
    const location = new URL(chosen.headers.get('location') ?? '');
    const checks = {
      pkceCodeVerifier: verifier,
      expectedState: 'state-1',
      expectedNonce: 'nonce-1',
    };
    const tokens = await client.authorizationCodeGrant(found, location, checks);
    expect(tokens.claims()).toMatchObject({ sub: 'ann', aud: 'my-game' });
    expect(codeOf(await askAs(sandbox, tokens.access_token, ofLiveops))).toBe('OK');
    // Who signed in is no token for the API.
    expect(codeOf(await askAs(sandbox, tokens.id_token ?? ''))).toBe('UNAUTHENTICATED');
    const again = client.authorizationCodeGrant(found, location, checks);
    await expect(again).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('gives no token for a code that another client, or nobody, has shown to be its own', async () => {
    const found = await discover('my-game');
    const verifier = client.randomPKCECodeVerifier();
    const codeOfPage = async () => {
      const chosen = await choose(await pageFor(found, verifier), 'ashfall:admin');
      return new URL(chosen.headers.get('location') ?? '').searchParams.get('code') ?? '';
    };
    const form = (code: string) => ({
      grant_type: 'authorization_code',
      client_id: 'my-game',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const redeem = async (changed: Record<string, string>) => {
      const body = new URLSearchParams({ ...form(await codeOfPage()), ...changed });
      const answer = await fetch(`${sandbox.url}/sandbox/oidc/token`, { method: 'POST', body });
      return [answer.status, ((await answer.json()) as { error?: string }).error];
    };
    expect(await redeem({})).toEqual([200, undefined]);
    expect(await redeem({ code_verifier: 'x'.repeat(43) })).toEqual([400, 'invalid_grant']);
    expect(await redeem({ redirect_uri: 'http://127.0.0.1:1/' })).toEqual([400, 'invalid_grant']);
    expect(await redeem({ client_id: 'other' })).toEqual([400, 'invalid_grant']);
    expect(await redeem({ code: 'x' })).toEqual([400, 'invalid_grant']);
    expect(await redeem({ grant_type: 'password' })).toEqual([400, 'unsupported_grant_type']);
    // As many wait as that; the oldest is gone.
    const oldest = await codeOfPage();
    for (let i = 0; i < servingLimits.sandboxCodesMax; i++) await codeOfPage();
    expect(await redeem({ code: oldest })).toEqual([400, 'invalid_grant']);
  });

  test.each<[string, Record<string, string>]>([
    ['to another machine', { redirect_uri: 'https://evil.example/callback' }],
    [
      'to a name that only begins like this one',
      { redirect_uri: 'http://localhost.evil.example/' },
    ],
    ['without PKCE', { code_challenge_method: 'plain' }],
    ['of another type', { response_type: 'token' }],
  ])('shows no roles for a request %s', async (_what, changed) => {
    const page = await pageFor(await discover('my-game'), 'x'.repeat(43));
    for (const [name, value] of Object.entries(changed)) page.searchParams.set(name, value);
    const shown = await fetch(page, { redirect: 'manual' });
    expect(shown.status).toBe(400);
    expect(await shown.text()).not.toContain('game-server');
    expect((await choose(page, 'ashfall:admin')).status).toBe(400);
  });

  test('what a client calls itself is text on the page, and no part of it', async () => {
    const page = await pageFor(await discover('<script>alert(1)</script>'), 'x'.repeat(43));
    const html = await (await fetch(page)).text();
    expect(html).not.toContain('<script>');
    expect(html).toContain('&#60;script&#62;');
  });

  test('reads forms of so many bytes (sandboxFormBytesMax)', async () => {
    const { sandboxFormBytesMax: max } = servingLimits;
    const body = `grant_type=client_credentials&client_id=liveops&pad=${'x'.repeat(max)}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const token = (content: string) =>
      fetch(`${sandbox.url}/sandbox/oidc/token`, { method: 'POST', headers, body: content });
    expect((await token(body.slice(0, max))).status).toBe(200);
    expect((await token(body.slice(0, max + 1))).status).toBe(413);
  });
});

describe('a page elsewhere', () => {
  /** The status under headers of which `fetch` sets none. */
  function statusOf(method: string, path: string, headers: Record<string, string>) {
    return new Promise<number | undefined>((resolve, reject) => {
      const asked = request(`${sandbox.url}${path}`, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
  }

  const port = () => new URL(sandbox.url).port;

  test.each([
    ['POST', '/sandbox/token?role=admin'],
    ['GET', '/sandbox/titles'],
    ['GET', '/sandbox/oidc/.well-known/openid-configuration'],
    ['GET', '/sandbox/oidc/jwks'],
    ['POST', '/sandbox/oidc/token'],
    ['POST', '/sandbox/oidc/authorize'],
    ['GET', '/sandbox/oidc/authorize'],
  ])('gets nothing of %s %s, under a name of its own or from its origin', async (method, path) => {
    const wrong: Record<string, string>[] = [
      { host: 'evil.example' },
      { host: `evil.example:${port()}` },
      { host: `localhost.evil.example:${port()}` },
      { host: '10.0.0.7' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1.evil.example:${port()}` },
    ];
    for (const headers of wrong) {
      expect([headers, await statusOf(method, path, headers)]).toEqual([headers, 403]);
    }
    for (const headers of [
      { host: `localhost:${port()}` },
      { host: `[::1]:${port()}` },
      { origin: 'http://localhost:5173' },
    ]) {
      expect(await statusOf(method, path, headers as never)).not.toBe(403);
    }
  });
});
