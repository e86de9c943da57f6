import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { generatedMatch } from '../../importer/generated/generated-match.ts';
import { importMatch } from '../../importer/import-match.ts';
import { sandboxToken } from '../../importer/sandbox-token.ts';
import { hasChromium, launchChromium } from '../examples/chromium.ts';
import { Sandbox } from '../serve/sandbox.ts';

describe.skipIf(!hasChromium)('the console of a real server', () => {
  let sandbox: Sandbox;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    sandbox = await Sandbox.start();
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    // Below the test's own bound, so that a failure names its step.
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
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
  const figure = (value: number) => value.toLocaleString('en-GB');

  async function play(seed: number, ticks: number, speed: number | null) {
    const match = generatedMatch({ units: 400, players: 4, ticks, seed });
    const token = sandboxToken(sandbox.url, 'game-server', 'test');
    const client = new AshfallClient({ url: sandbox.url, token });
    const options = { sessionId: match.sessionId, speed, inFlightMax: 16 };
    return await importMatch(client, match, options);
  }

  it('waits for a match, shows it while it runs and ends with the importer’s own counts', async () => {
    await page.goto(`${sandbox.url}/console`);
    await page.click('text="Sign in"');
    await page.waitForSelector('body[data-state="empty"]');

    const playing = play(2, 600, 50);
    await page.waitForSelector('body[data-state="watching"]');
    await shows('#match-status', 'live');
    await page.waitForFunction(() => document.querySelector('.accepted-line')?.getAttribute('d'));
    const { report } = await playing;

    await shows('#figure-actions', figure(report.counts.actions));
    await shows('#figure-accepted', figure(report.accepted));
    await shows('#figure-rejected', figure(report.rejected));
    await shows('#order-mix', figure(report.counts.byKind.get('TOGGLE') ?? 0));
    for (const [player, actions] of report.counts.byPlayer) {
      await shows('#busiest-players', `player-${player}`);
      await shows('#busiest-players', figure(actions));
    }
    expect(await page.locator('#activity-map rect:not(.level-0)').count()).toBeGreaterThanOrEqual(
      4,
    );
    expect(report.rejected).toBeGreaterThan(0);
    expect(problems).toEqual([]);
  });

  it('resumes by itself when the server comes back, and misses nothing of what came then', async () => {
    await sandbox.restart();
    const { report, session } = await play(3, 200, null);
    await shows('#match-list', session.sessionId);
    await shows('#connection-text', 'Live');
    await page.click(`text="${session.sessionId}"`);
    await shows('#figure-actions', figure(report.counts.actions));
    await shows('#match-count', '2');
  });

  it('tells a role without the right to views what it lacks', async () => {
    await page.click('#sign-out');
    await page.selectOption('select[name=role]', 'analyst');
    await page.click('text="Sign in"');
    await shows('#view-note', 'may not read the views');
  });
});
