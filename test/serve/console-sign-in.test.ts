import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { askServer } from '../../src/cli/control-client.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { ConsoleCookies } from '../../src/console/console-cookies.ts';
import { ConsoleSessions } from '../../src/console/console-sessions.ts';
import { PendingSignIns } from '../../src/console/pending-sign-in.ts';
import type { RunningServer } from '../../src/host/server.ts';
import type { VerifiedToken } from '../../src/identity/verified-token.ts';
import { Browser } from './browser.ts';
import { FrameSocket } from './frame-socket.ts';
import { freePort } from './free-port.ts';
import { type People, RealProvider } from './real-provider.ts';
import { answerOf, codeOf } from './sandbox.ts';
import { serveTitle } from './served.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    consoleSessionsMax: 4,
    consoleSessionsPerSubjectMax: 2,
    consoleSignInsRunningMax: 1,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

const pulse = 'subscription { matchPulseChanges { kind } }';
const endings: (() => Promise<void>)[] = [];
let server: RunningServer;
let provider: RealProvider;
let people: People;
const dataDir = mkdtempSync(join(tmpdir(), 'tickloom-console-'));

beforeAll(async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  people = {
    redirectUri: `${url}/console/sign-in/callback`,
    signedOutUri: `${url}/console/`,
    who: 'ann',
  };
  const until = (end: () => Promise<void>) => void endings.unshift(end);
  provider = await RealProvider.start({ people }, until);
  server = await serveTitle(
    {
      port: String(port),
      dataDir,
      oidcIssuer: provider.url,
      consoleClientId: 'console',
      corsOrigins: 'http://127.0.0.1:1',
    },
    { environment: { TICKLOOM_CONSOLE_CLIENT_SECRET: 'secret-of-console' }, until },
  );
});
afterAll(async () => {
  for (const end of endings) await end();
});
beforeEach(() => {
  people.who = `ann-${crypto.randomUUID()}`;
  provider.options = { people };
  provider.instead = () => false;
});

const browsers: Browser[] = [];
afterEach(async () => {
  for (const browser of browsers.splice(0)) {
    await browser.ask(`${server.url}/console/sign-out`, { method: 'POST' });
  }
});

function newBrowser(): Browser {
  const browser = new Browser();
  browsers.push(browser);
  return browser;
}

async function signedIn(): Promise<Browser> {
  const browser = newBrowser();
  const page = await browser.visit(`${server.url}/console/sign-in`);
  expect([page.status, page.url]).toEqual([200, `${server.url}/console/`]);
  return browser;
}

/** What the API says to a browser, as whose page asks with these headers. */
async function ask(browser: Browser, headers?: Record<string, string>, query = '{ __typename }') {
  const url = `${server.url}/ashfall/graphql`;
  const init = {
    method: 'POST',
    body: JSON.stringify({ query }),
    headers: { 'content-type': 'application/json', ...headers },
  };
  return answerOf(
    await (headers === undefined ? browser.ask(url, init) : browser.fetch(url, init)),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: looked into by tests
async function account(browser: Browser): Promise<any> {
  return (await browser.ask(`${server.url}/console/session`)).json();
}

/** The address that the provider sends a browser back to. */
function cameBack(browser: Browser, query = ''): Promise<string> {
  return browser.visitUntil(`${server.url}/console/sign-in${query}`, people.redirectUri);
}

function isRefused(page: Response, browser: Browser): void {
  expect(page.status).toBe(403);
  expect([...browser.cookies.keys()].filter((name) => name.startsWith('tickloom'))).toEqual([]);
}

describe('signing in to the console', () => {
  test('is by a code with PKCE, and the cookie then opens the API to pages of this server', async () => {
    const browser = await signedIn();
    const authorization = new URL(browser.visited[1] ?? '');
    expect(authorization.origin).toBe(provider.url);
    expect(Object.fromEntries(authorization.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{40,}$/),
      nonce: expect.stringMatching(/^[\w-]{40,}$/),
    });
    expect(codeOf(await ask(browser))).toBe('OK');
    const manifest = await browser.ask(`${server.url}/ashfall/manifest.json`);
    expect(manifest.status).toBe(200);
    const { signIn, session } = await account(browser);
    expect(signIn).toEqual({ issuer: provider.url });
    expect(session).toMatchObject({
      subject: people.who,
      titles: [{ title: 'ashfall', roles: ['liveops'] }],
    });
    // As a stranger, who is told where to sign in and nothing more.
    expect(await account(newBrowser())).toEqual({ signIn, session: null });
  });

  test('keeps the tokens here: the browser gets a cookie that no script reads', async () => {
    const browser = newBrowser();
    const back = await cameBack(browser);
    const response = await browser.fetch(back, { headers: { 'sec-fetch-site': 'cross-site' } });
    const lines = response.headers.getSetCookie();
    const session = lines.find((line) => line.startsWith('tickloom-console-')) ?? '';
    expect(session.split('; ').slice(1)).toEqual([
      'Path=/',
      'HttpOnly',
      'SameSite=Strict',
      'Max-Age=1800',
    ]);
    expect(lines.join('\n')).not.toContain('eyJ');
    const shown = JSON.stringify(await account(browser));
    expect(shown).not.toContain('eyJ');
    const again = await browser.ask(`${server.url}/console/session`);
    expect(again.headers.getSetCookie()).toEqual([session]);
  });

  test('does nothing by a cookie that another page had sent', async () => {
    const browser = await signedIn();
    const open = 'mutation { openSession(input: { sessionId: "forged" }) { fence } }';
    const own = new URL(server.url).origin;
    const others: Record<string, string>[] = [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: own },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
    ];
    for (const headers of others) {
      const answer = await ask(browser, headers, open);
      expect([headers, answer.status, codeOf(answer)]).toEqual([headers, 403, 'FORBIDDEN']);
    }
    expect(codeOf(await ask(browser, { origin: own }))).toBe('OK');
    const { session } = await account(browser);
    expect(session).not.toBeNull();
    const elsewhere = await browser.fetch(`${server.url}/console/session`, {
      headers: { 'sec-fetch-site': 'same-site' },
    });
    expect(await elsewhere.json()).toMatchObject({ session: null });
    const out = await browser.fetch(`${server.url}/console/sign-out`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
    });
    expect(out.status).toBe(403);
    expect(codeOf(await ask(browser))).toBe('OK');
  });

  test('a token goes before the cookie, whoever sends it', async () => {
    const browser = await signedIn();
    const authorization = `Bearer ${await provider.token()}`;
    expect(codeOf(await ask(browser, { authorization }))).toBe('OK');
    const answer = await ask(browser, {
      authorization: 'Bearer x',
      'sec-fetch-site': 'same-origin',
    });
    expect(codeOf(answer)).toBe('UNAUTHENTICATED');
  });

  test('opens a WebSocket from its own page alone, whatever other origins may open one', async () => {
    const browser = await signedIn();
    const { cookie } = browser;
    const { origin } = new URL(server.url);
    const own = await FrameSocket.connect(server.url, {}, { cookie, origin });
    own.send({ id: 'p', type: 'subscribe', payload: { query: pulse } });
    expect(await own.receive(({ id }) => id === 'p')).toMatchObject({ type: 'next' });
    for (const headers of [{ cookie }, { cookie, origin: 'http://127.0.0.1:1' }]) {
      const closed = await FrameSocket.refused(server.url, {}, headers);
      expect(closed).toEqual({ code: 4403, reason: 'FORBIDDEN' });
    }
    await expect(
      FrameSocket.connect(server.url, {}, { cookie, origin: 'https://evil.example' }),
    ).rejects.toThrow('403');
    own.close();
  });

  test('comes back to pages of this server alone', async () => {
    for (const to of ['/console/', '/graphiql', '/ashfall/graphiql']) {
      const browser = newBrowser();
      await browser.visit(`${server.url}/console/sign-in?to=${to}`);
      expect(browser.visited.at(-1)).toBe(`${server.url}${to}`);
    }
    const elsewhere = [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/%2f/evil.example',
      '/console/../evil',
      '/console/@evil.example',
      'javascript:alert(1)',
      '/graphiql\r\nset-cookie: a=b',
      '/console/?x',
      '',
    ];
    for (const to of elsewhere) {
      const page = await fetch(`${server.url}/console/sign-in?to=${encodeURIComponent(to)}`, {
        redirect: 'manual',
      });
      expect([to, page.status, page.headers.get('location')]).toEqual([to, 400, null]);
    }
    // Not as a picture of another page either, which would put a sign-in in the way of one under way.
    const picture = await fetch(`${server.url}/console/sign-in`, {
      headers: { 'sec-fetch-dest': 'image' },
      redirect: 'manual',
    });
    expect(picture.status).toBe(403);
  });

  test('does not take the sign-in of somebody else: neither his address nor his code', async () => {
    const attacker = newBrowser();
    const his = new URL(await cameBack(attacker));
    const stranger = newBrowser();
    isRefused(await stranger.visit(his.href), stranger);
    // One who is signing in, too, and is led to the attacker's address, his code, his state.
    for (const part of ['all', 'code', 'state']) {
      const victim = newBrowser();
      const own = new URL(await cameBack(victim));
      const forged = part === 'all' ? his : own;
      if (part === 'code') own.searchParams.set('code', his.searchParams.get('code') ?? '');
      if (part === 'state') own.searchParams.set('state', his.searchParams.get('state') ?? '');
      isRefused(await victim.visit(forged.href), victim);
    }
  });

  test('takes a code once, and the cookie of a sign-in is gone with it', async () => {
    const browser = newBrowser();
    const back = await cameBack(browser);
    const pending = new Map(browser.cookies);
    expect((await browser.visit(back)).url).toBe(`${server.url}/console/`);
    expect([...browser.cookies.keys()].some((name) => name.startsWith('tickloom-sign-in'))).toBe(
      false,
    );
    const again = newBrowser();
    for (const [name, value] of pending) again.cookies.set(name, value);
    isRefused(await again.visit(back), again);
    isRefused(await browser.visit(back), newBrowser());
  });

  test('an answer that another provider gave, or that does not say whose it is, is refused', async () => {
    for (const issuer of ['https://evil.example', null]) {
      const browser = newBrowser();
      const back = new URL(await cameBack(browser));
      expect(back.searchParams.get('iss')).toBe(provider.url);
      if (issuer === null) back.searchParams.delete('iss');
      else back.searchParams.set('iss', issuer);
      isRefused(await browser.visit(back.href), browser);
    }
  });

  test('a code that was asked for without PKCE is refused, and so is a nonce of another request', async () => {
    for (const name of ['code_challenge', 'nonce']) {
      const browser = newBrowser();
      const begun = await browser.fetch(`${server.url}/console/sign-in`);
      const authorization = new URL(begun.headers.get('location') ?? '');
      authorization.searchParams.delete(name);
      if (name === 'code_challenge') authorization.searchParams.delete('code_challenge_method');
      else authorization.searchParams.set('nonce', 'another');
      const back = await browser.visitUntil(authorization.href, people.redirectUri);
      isRefused(await browser.visit(back), browser);
    }
  });

  test('says so where somebody says no, and where the provider is down', async () => {
    people.who = null;
    const browser = newBrowser();
    const page = await browser.visit(`${server.url}/console/sign-in`);
    expect(await page.text()).toContain('did not confirm the sign-in');
    isRefused(page, browser);
    people.who = 'ben';
    const back = await cameBack(browser);
    provider.instead = ({ url }, response) => {
      if (url !== '/token') return false;
      response.writeHead(500).end();
      return true;
    };
    const down = await browser.visit(back);
    expect([down.status, await down.text()]).toEqual([
      503,
      expect.stringContaining('does not answer now'),
    ]);
  });

  test('so many codes are redeemed at once, and one more waits for its turn (consoleSignInsRunningMax)', async () => {
    const first = newBrowser();
    const second = newBrowser();
    const backs = [await cameBack(first), await cameBack(second)];
    let answer = () => {};
    const isAsked = new Promise<void>((resolve) => {
      provider.instead = ({ url }, response) => {
        if (url !== '/token') return false;
        answer = () => response.writeHead(500).end();
        resolve();
        return true;
      };
    });
    const slow = first.visit(backs[0] ?? '');
    await isAsked;
    const refused = await second.visit(backs[1] ?? '');
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('Too many people are signing in'),
    ]);
    answer();
    expect((await slow).status).toBe(503);
  });

  test('takes so long at most, and one sealed by another process is none (consoleSignInMs)', async () => {
    const pending = { state: 's', nonce: 'n', codeVerifier: 'v', returnTo: '/console/' };
    const own = new PendingSignIns();
    const sealed = await own.seal(pending);
    expect(await own.open(sealed)).toMatchObject(pending);
    expect(sealed).not.toContain('codeVerifier');
    expect(await new PendingSignIns().open(sealed)).toBeNull();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 60_000 + 1_000 });
    try {
      expect(await own.open(sealed)).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  test('a token for another API is refused with what is wrong with it', async () => {
    provider.options = { people, audience: 'shop' };
    const browser = newBrowser();
    const page = await browser.visit(`${server.url}/console/sign-in`);
    expect(await page.text()).toContain('the token was made for another audience');
    isRefused(page, browser);
  });
});

describe('somebody who is signed in', () => {
  async function socketOf({ cookie }: Browser): Promise<FrameSocket> {
    const { origin } = new URL(server.url);
    const socket = await FrameSocket.connect(server.url, {}, { cookie, origin });
    socket.send({ id: 'p', type: 'subscribe', payload: { query: pulse } });
    await socket.receive(({ id }) => id === 'p');
    return socket;
  }

  test('stays so by the refresh token, on an open WebSocket too (consoleRenewAheadMs)', async () => {
    provider.options = { people, seconds: 2 };
    const browser = await signedIn();
    const socket = await socketOf(browser);
    const before = provider.asked.filter((url) => url === '/token').length;
    let isClosed = false;
    void socket.closed.then(() => {
      isClosed = true;
    });
    await expect
      .poll(() => provider.asked.filter((url) => url === '/token').length, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(before + 3);
    expect(isClosed).toBe(false);
    expect(codeOf(await ask(browser))).toBe('OK');
    // The provider renews no more: what is open ends with the token it has, or before.
    provider.instead = ({ url }, response) => {
      if (url !== '/token') return false;
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"error":"invalid_grant"}');
      return true;
    };
    expect((await socket.closed).code).toBe(4401);
    expect(codeOf(await ask(browser))).toBe('UNAUTHENTICATED');
    expect(await account(browser)).toMatchObject({ session: null });
    expect([...browser.cookies.keys()].some((name) => name.startsWith('tickloom'))).toBe(false);
  });

  test('signs out here and at the provider, and what is open ends at once', async () => {
    const browser = await signedIn();
    const { cookie } = browser;
    const socket = await socketOf(browser);
    const answer = await browser.ask(`${server.url}/console/sign-out`, { method: 'POST' });
    const { location } = (await answer.json()) as { location: string };
    expect(await socket.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
    const end = new URL(location);
    expect(end.href).toContain(`${provider.url}/session/end`);
    expect(end.searchParams.get('post_logout_redirect_uri')).toBe(people.signedOutUri);
    expect(end.searchParams.get('id_token_hint')).toMatch(/^eyJ/);
    expect(codeOf(await ask(browser))).toBe('UNAUTHENTICATED');
    const thief = await browser.fetch(`${server.url}/ashfall/graphql?query={__typename}`, {
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
    });
    expect(thief.status).toBe(401);
    const again = await browser.ask(`${server.url}/console/sign-out`, { method: 'POST' });
    expect(await again.json()).toEqual({ location: `${server.url}/console/` });
  });

  test('is out at once where an operator revokes his tokens, and cannot renew them', async () => {
    const browser = await signedIn();
    const socket = await socketOf(browser);
    await askServer(dataDir, 'POST', '/denied', { subject: people.who });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
    expect(codeOf(await ask(browser))).toBe('UNAUTHENTICATED');
    const page = await newBrowser().visit(`${server.url}/console/sign-in`);
    expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('was revoked')]);
  });

  test('has so many sessions, and all together have so many (consoleSessionsMax, consoleSessionsPerSubjectMax)', async () => {
    const own = [await signedIn(), await signedIn(), await signedIn()];
    const codes = await Promise.all(own.map(async (browser) => codeOf(await ask(browser))));
    expect(codes).toEqual(['UNAUTHENTICATED', 'OK', 'OK']);
    for (const who of ['eve', 'joe']) {
      people.who = who;
      await signedIn();
    }
    people.who = 'one too many';
    const page = await newBrowser().visit(`${server.url}/console/sign-in`);
    expect([page.status, await page.text()]).toEqual([
      503,
      expect.stringContaining('4 people are signed in already'),
    ]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('tickloom_console_sessions 4');
  });
});

describe('the settings of the console', () => {
  const good = { oidcIssuer: 'https://id.example', consoleClientId: 'console' };

  test.each([
    [{ ...good, host: '0.0.0.0' }, 'set publicUrl'],
    [{ ...good, publicUrl: 'http://ops.example.com' }, 'set publicUrl'],
    [{ ...good, consoleScope: 'profile' }, 'the scope openid'],
    [{ ...good, consoleIssuer: 'https://other.example' }, 'must be one of https://id.example'],
    [{ consoleClientId: 'console' }, 'those in oidcIssuer, which is not set'],
    [{ oidcIssuer: 'https://id.example', consoleIssuer: 'https://id.example' }, 'consoleClientId'],
    [{ ...good, consoleParameters: 'state=1' }, 'as state'],
    [{ ...good, consoleParameters: 'audience' }, 'audience=https://'],
    [{ ...good, consoleClientSecret: 'x' }, 'TICKLOOM_CONSOLE_CLIENT_SECRET_FILE'],
  ])('%j is refused', (flags, message) => {
    const load = () => loadSettings({ flags, environment: {}, configFile: null });
    expect(load).toThrow(message);
  });

  test('are taken on this machine, and elsewhere behind https', () => {
    for (const more of [{}, { host: '0.0.0.0', publicUrl: 'https://ops.example.com/tickloom/' }]) {
      const flags = {
        ...good,
        ...more,
        consoleParameters: 'audience=https://a.example,prompt=consent',
      };
      const { settings } = loadSettings({ flags, environment: {}, configFile: null });
      expect(settings.consoleParameters).toEqual({
        audience: 'https://a.example',
        prompt: 'consent',
      });
    }
  });

  test('behind https the cookies are bound to the host and never sent in the clear', () => {
    const cookies = new ConsoleCookies(new URL('https://ops.example.com/tickloom'));
    expect(cookies.write('session', 'v')).toBe(
      '__Host-tickloom-console=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=1800; Secure',
    );
    expect(cookies.write('signIn', 'v')).toBe(
      '__Host-tickloom-sign-in=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure',
    );
    const planted = { cookie: 'tickloom-console=a; x__Host-tickloom-console=b' };
    expect(cookies.read('session', planted)).toBeNull();
  });
});

describe('a session of the console', () => {
  test('is over when it was not used for a while, and at its end however it is used (consoleIdleMs, consoleLifeMs)', async () => {
    let nowMs = 0;
    const cookies = new ConsoleCookies(new URL('http://127.0.0.1:1'));
    const origin = 'http://127.0.0.1:1';
    const renew = async () => Promise.reject(new Error('nothing is to be renewed'));
    const sessions = new ConsoleSessions({ cookies, origin, renew, nowMs: () => nowMs });
    const signedIn = (subject: string) => {
      const tokens = { accessToken: 't', refreshToken: 'r', idToken: 'i' };
      const token = { subject, expiresAtMs: 1e12 } as VerifiedToken;
      const secret = sessions.open({ tokens, token });
      return { origin, cookie: `tickloom-console-1=${secret}` };
    };
    const idle = signedIn('idle');
    const busy = signedIn('busy');
    const ends: string[] = [];
    sessions.find(busy)?.onEnd(({ code }) => ends.push(code));
    const minuteMs = 60_000;
    for (; nowMs < 12 * 60 * minuteMs - minuteMs; nowMs += 20 * minuteMs) {
      await sessions.find(busy)?.authorization();
    }
    expect(() => sessions.find(idle)?.authorization()).toThrow('has expired');
    expect(ends).toEqual([]);
    nowMs = 12 * 60 * minuteMs;
    expect(() => sessions.find(busy)?.authorization()).toThrow('has expired');
    expect([ends, sessions.size]).toEqual([['UNAUTHENTICATED'], 0]);
    sessions.close();
  });
});
