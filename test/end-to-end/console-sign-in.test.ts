import type { Browser } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { hasChromium, launchChromium } from '../examples/chromium.ts';
import { freePort } from '../serve/free-port.ts';
import { RealProvider } from '../serve/real-provider.ts';
import { serveTitle } from '../serve/served.ts';

describe.skipIf(!hasChromium)('the console of a studio with an identity provider', () => {
  let browser: Browser | undefined;
  afterAll(() => browser?.close());

  it('signs in at the provider, goes on after a reload, and signs out at the provider', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const redirectUri = `${url}/console/sign-in/callback`;
    const people = { redirectUri, signedOutUri: `${url}/console/`, who: 'ann' };
    const provider = await RealProvider.start({ people, seconds: 60 });
    await serveTitle(
      { port: String(port), oidcIssuer: provider.url, consoleClientId: 'console' },
      { environment: { TICKLOOM_CONSOLE_CLIENT_SECRET: 'secret-of-console' } },
    );
    browser = await launchChromium();
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(20_000);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (line) => {
      if (line.type() === 'error') problems.push(line.text());
    });
    // By another name of this machine than the provider sends it back to.
    await page.goto(`http://localhost:${port}/console`);
    await page.click(`text="Sign in at ${new URL(provider.url).host}"`);
    await page.waitForSelector('body[data-state="live"], body[data-state="empty"]');
    expect(page.url()).toBe(`${url}/console/`);
    expect(await page.textContent('#subject')).toBe('ann (liveops)');
    expect(await page.textContent('#connection-text')).toBe('Live');
    await page.reload();
    await page.waitForSelector('body[data-state="live"], body[data-state="empty"]');
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('eyJ');
    expect(problems).toEqual([]);
    await page.click('#sign-out');
    await page.waitForURL(`${provider.url}/session/end**`);
    await page.goto(`${url}/console/`);
    await page.waitForSelector('text="Sign in with the account that your studio gave you."');
  });
});
