import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasChromium, launchChromium } from './chromium.ts';
import { FakeConsoleServer } from './fake-console-server.ts';

describe.skipIf(!hasChromium)('the live page', () => {
  let browser: Browser;
  let server: FakeConsoleServer;
  let page: Page;
  let url: string;
  let problems: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  beforeEach(async () => {
    server = new FakeConsoleServer();
    url = `${await server.listen()}/console`;
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) problems.push(message.text());
    });
    server.onSubscribe = ({ view, variables }) => {
      if (variables.cursor !== null) return;
      server.frame(view, { kind: 'SNAPSHOT', cursor: `${view}-1`, rows: firstRows[view] ?? [] });
    };
  });
  afterEach(async () => {
    await page.close();
    await server.close();
    expect(problems).toEqual([]);
  });

  async function signIn(): Promise<void> {
    await page.goto(url);
    await page.click('text="Sign in"');
  }

  const state = (name: string) => page.waitForSelector(`body[data-state="${name}"]`);
  const shows = (selector: string, text: string) =>
    page.waitForFunction(
      ([where, what]) =>
        document.querySelector(where as string)?.textContent?.includes(what as string),
      [selector, text],
    );

  it('signs in to the sandbox and shows the matches of its snapshot', async () => {
    await signIn();
    await state('watching');
    await shows('#match-heading', 'match-a');
    await shows('#figure-actions', '1,200');
    await shows('#figure-rejected-part', '2.5%');
    await shows('#order-mix', 'Build mobile');
    await shows('#busiest-players', 'player-3');
    await page.waitForSelector('#activity-map rect.level-6');
    expect(await page.locator('#activity-map rect:not(.level-0)').count()).toBe(2);
    expect(server.subscribed.map(({ view }) => view)).toEqual([
      'matchPulse',
      'orderMix',
      'busiestPlayers',
      'playerActivity',
    ]);
  });

  it('folds deltas into figures, charts and the list', async () => {
    await signIn();
    await shows('#figure-actions', '1,200');
    server.frame('matchPulse', {
      kind: 'DELTA',
      position: '0:99',
      rows: [pulse('match-a', { actions: 1_300, accepted: 1_265, rejected: 35, lastTick: 700 })],
    });
    await shows('#figure-actions', '1,300');
    await shows('#figure-rejected', '35');
    await shows('#position', '0:99');
    await shows('#match-status', 'live');
    await page.waitForFunction(() => document.querySelector('.accepted-line')?.getAttribute('d'));
    server.frame('orderMix', {
      kind: 'DELTA',
      rows: [{ sessionId: 'match-a', kind: 'MOVE', count: '5000' }],
      removed: [{ sessionId: 'match-a', kind: 'BUILD_MOBILE' }],
    });
    await shows('#order-mix', '5,000');
    await page.waitForFunction(
      () => !document.querySelector('#order-mix')?.textContent?.includes('Build mobile'),
    );
  });

  it('shows another match when it is chosen, and asks for its details only', async () => {
    await signIn();
    await shows('#match-list', 'match-b');
    await page.click('text="match-b"');
    await shows('#match-heading', 'match-b');
    expect(server.subscribed.at(-1)?.variables.where).toEqual({ sessionId: { eq: 'match-b' } });
    expect(new URL(page.url()).hash).toBe('#match-b');
  });

  it('says so when there is no match, and shows the first one that comes', async () => {
    server.onSubscribe = ({ view }) => server.frame(view, { kind: 'SNAPSHOT' });
    await signIn();
    await state('empty');
    await page.waitForSelector('text=No match yet');
    server.frame('matchPulse', { kind: 'DELTA', rows: [pulse('match-new', {})] });
    await state('watching');
    await shows('#match-heading', 'match-new');
  });

  it('says when the connection is lost, and resumes each view from its cursor', async () => {
    await signIn();
    await shows('#busiest-players', 'player-3');
    const before = server.subscribed.length;
    server.drop();
    await page.waitForSelector('#banner:not([hidden])');
    await shows('#connection-text', 'Disconnected');
    await shows('#connection-text', 'Live');
    await expect.poll(() => server.subscribed.length).toBe(before + 4);
    expect(server.subscribed.slice(before).map(({ variables }) => variables.cursor)).toEqual([
      'matchPulse-1',
      'orderMix-1',
      'busiestPlayers-1',
      'playerActivity-1',
    ]);
    await page.waitForSelector('#banner', { state: 'hidden' });
    await shows('#figure-actions', '1,200');
  });

  it('starts over on a reset', async () => {
    await signIn();
    await shows('#match-count', '2');
    server.frame('matchPulse', { kind: 'RESET', rows: [pulse('match-b', { actions: 7 })] });
    await shows('#match-count', '1');
    await shows('#match-heading', 'match-b');
  });

  it('renews a sandbox token that expires, without losing its place', async () => {
    await signIn();
    await shows('#figure-actions', '1,200');
    server.tokens.splice(0, 1, 'token-2');
    server.drop(4401, 'TOKEN_EXPIRED');
    await expect.poll(() => server.subscribed.length).toBe(8);
    expect(server.subscribed.at(-1)?.variables.cursor).toBe('playerActivity-1');
    await shows('#connection-text', 'Live');
  });

  it('says that the sign-in has expired where it cannot be renewed', async () => {
    await page.goto(url);
    await page.click('summary');
    await page.fill('textarea', 'token-1');
    await page.click('text="Sign in"');
    await state('watching');
    server.tokens.splice(0, 1);
    server.drop(4401, 'TOKEN_EXPIRED');
    await state('expired');
    await shows('#sign-in-heading', 'has expired');
  });

  it('says what is wrong where there is no sandbox, no server or no right', async () => {
    server.sandbox = 'absent';
    await signIn();
    await shows('#sign-in-problem', 'no sandbox');
    server.sandbox = 'open';
    server.onSubscribe = ({ view }) => server.error(view, 'FORBIDDEN');
    await page.click('text="Sign in"');
    await shows('#sign-in-problem', 'may not read the views');
    await state('signed-out');
  });

  it('stays signed in over a reload, and signs out for good', async () => {
    await signIn();
    await state('watching');
    await page.reload();
    await state('watching');
    await page.click('#sign-out');
    await state('signed-out');
    await page.reload();
    await state('signed-out');
  });

  it('names every control and every chart for those who cannot see them', async () => {
    await page.goto(url);
    await page.getByLabel('Role').waitFor();
    await page.getByLabel('Name').waitFor();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Matches' }).waitFor();
    await page.getByRole('img', { name: /Actions a second over the last two minutes/ }).waitFor();
    await page.getByRole('img', { name: /Actions of 1 players by minute/ }).waitFor();
    await page.getByRole('heading', { name: 'Order mix' }).waitFor();
  });
});

function pulse(sessionId: string, values: object): object {
  const zero = { actions: '0', accepted: '0', rejected: '0', lastTick: 0, players: '2' };
  return { sessionId, ...zero, ...values };
}

const firstRows: Readonly<Record<string, readonly object[]>> = {
  matchPulse: [
    pulse('match-a', { actions: '1200', accepted: '1170', rejected: '30', lastTick: 600 }),
    pulse('match-b', { actions: '8', accepted: '8', lastTick: 4 }),
  ],
  orderMix: [
    { sessionId: 'match-a', kind: 'MOVE', count: '800' },
    { sessionId: 'match-a', kind: 'BUILD_MOBILE', count: '400' },
  ],
  busiestPlayers: [
    { sessionId: 'match-a', playerId: 3, actions: '900' },
    { sessionId: 'match-a', playerId: 0, actions: '300' },
  ],
  playerActivity: [0, 600].map((tickWindow) => ({
    sessionId: 'match-a',
    playerId: 3,
    tickWindow,
    actions: '450',
    orders: '300',
    unitsCommanded: '2000',
  })),
};
