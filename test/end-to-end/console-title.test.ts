import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actionTable,
  count,
  defineTitle,
  eventTable,
  max,
  t,
} from '../../engine/manifest/index.ts';
import { hasChromium, launchChromium } from '../examples/chromium.ts';
import { Sandbox } from '../serve/sandbox.ts';

/** A title that has nothing in common with the reference title. */
const bazaar = defineTitle({
  title: 'bazaar',
  version: 1,
  tables: {
    deals: actionTable({ buyer: t.string(), item: t.enum('RUG', 'LAMP'), price: t.i64() }),
    news: eventTable({ text: t.string() }),
  },
  views: {
    sold: {
      kind: 'group',
      from: 'deals',
      groupBy: ['sessionId', 'item'],
      columns: { deals: count(), dearest: max('price') },
    },
    worldwide: { kind: 'group', from: 'deals', groupBy: ['item'], columns: { deals: count() } },
  },
  roles: {
    stall: { class: 'GAMEPLAY', capabilities: ['session', 'commit'], tables: { deals: ['write'] } },
    warden: { class: 'OPERATOR', views: ['sold', 'worldwide'] },
  },
});

describe.skipIf(!hasChromium)('the console of a title of a studio', () => {
  let sandbox: Sandbox;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    sandbox = await Sandbox.start({}, bazaar);
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => problems.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    await sandbox?.stop();
  });

  const shows = (selector: string, text: string) =>
    page.waitForFunction(
      ([where, what]) =>
        document.querySelector(where as string)?.textContent?.includes(what as string),
      [selector, text],
    );

  async function token(role: string, more: Record<string, string> = {}): Promise<string> {
    const query = new URLSearchParams({ role, ...more });
    const answer = await fetch(`${sandbox.url}/sandbox/token?${query}`, { method: 'POST' });
    return answer.text();
  }

  async function stall(query: string): Promise<void> {
    const answer = await fetch(`${sandbox.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await token('stall')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query }),
    });
    expect(await answer.json()).not.toHaveProperty('errors');
  }

  const deal = (tick: number, item: string, price: string) =>
    stall(`mutation { commitTick(input: { sessionId: "east", tick: ${tick}, actions: [
      { actionId: "d${tick}", buyer: "b", item: ${item}, price: "${price}" }
    ] }) { tick } }`);

  it('offers the roles there are, and shows any view of the role as a table that follows it', async () => {
    for (const name of ['east', 'west']) {
      await stall(`mutation { openSession(input: { sessionId: "${name}" }) { fence } }`);
    }
    await deal(1, 'RUG', '9007199254740993');
    await page.goto(`${sandbox.url}/console`);
    await page.waitForFunction(() => document.querySelectorAll('#roles option').length === 2);
    expect(await page.inputValue('[name=title]')).toBe('bazaar');
    expect(await page.locator('#roles option').allTextContents()).toEqual(['warden', 'stall']);
    await page.click('text="Sign in"');
    await page.waitForSelector('body[data-state="tables"]');
    await shows('#view-heading', 'sold');
    await page.waitForSelector('#view-table th');
    expect(await page.locator('#view-table th').allTextContents()).toEqual([
      'sessionId',
      'item',
      'deals',
      'dearest',
    ]);
    const cells = () => page.locator('#view-table tbody td').allTextContents();
    await expect.poll(cells).toEqual(['east', 'RUG', '1', '9007199254740993']);
    await deal(2, 'LAMP', '5');
    await expect.poll(cells).toContain('LAMP');
    await shows('#session-list', 'east · tick 2');
    await shows('#session-list', 'west · no tick yet');
    await page.click('text="west · no tick yet"');
    await shows('#view-heading', 'sold of west');
    await shows('#view-note', '0 rows');
    await page.click('text="worldwide"');
    await expect.poll(cells).toEqual(['LAMP', '1', 'RUG', '1']);
  });

  it('tells a wrong title, a token that is none, an expired one and one of another title apart', async () => {
    await page.click('#sign-out');
    await page.fill('[name=title]', 'bazar');
    await page.click('text="Sign in"');
    await shows('#sign-in-problem', 'there is no title "bazar" here; this server serves "bazaar"');
    await page.click('summary');
    await page.fill('textarea', await token('warden'));
    await page.click('text="Sign in"');
    await shows('#sign-in-problem', 'There is no such title');
    await page.fill('[name=title]', 'bazaar');
    await page.fill('textarea', 'x.y.z');
    await page.click('text="Sign in"');
    await shows('#sign-in-problem', 'no token of an issuer');
    await page.fill('textarea', await sandbox.expiredToken('warden'));
    await page.click('text="Sign in"');
    await shows('#sign-in-problem', 'has expired');
    await page.fill('textarea', await token('warden'));
    await page.click('text="Sign in"');
    await shows('#view-heading', 'sold');
    expect(problems).toEqual([]);
  });
});
