import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Webhook } from '../../src/anomalies/webhook.ts';
import { servingLimits } from '../../src/serving-limits.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  return { servingLimits: { ...servingLimits, webhookQueueMax: 3, webhookAnswerMs: 100 } };
});

const secret = 'correct horse battery staple';

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers as told, and a webhook that sends to it. */
async function receiver(answer: (response: ServerResponse, count: number) => void) {
  const got: Got[] = [];
  const outcomes: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ headers: request.headers, body });
    answer(response, got.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const webhook = new Webhook({
    url: `http://127.0.0.1:${port}/hook`,
    secret,
    retryMsMin: 1,
    onOutcome: (outcome) => void outcomes.push(outcome),
  });
  onTestFinished(async () => {
    await webhook.close();
    server.closeAllConnections();
    server.close();
  });
  return { webhook, got, outcomes };
}

const ok = (response: ServerResponse) => void response.writeHead(204).end();

/** The verifier that the page gives to whoever receives messages. */
async function verifier() {
  const page = readFileSync(new URL('../../docs/anomalies.md', import.meta.url), 'utf8');
  const code = /```js\n(.*?)```/s.exec(page)?.[1] ?? '';
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(10);
  const module = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`
  );
  return module.isFromTickloom as (
    secret: string,
    headers: IncomingHttpHeaders,
    body: string,
  ) => boolean;
}

describe('a message of the webhook', () => {
  it('is signed so that the lines of the page tell it from any other', async () => {
    const { webhook, got, outcomes } = await receiver(ok);
    webhook.send({ type: 'anomaly', rule: 'scraper' });
    await expect.poll(() => outcomes).toEqual(['sent']);
    const [{ headers, body }] = got as [Got];
    const isFromTickloom = await verifier();
    expect(JSON.parse(body)).toEqual({ type: 'anomaly', rule: 'scraper' });
    expect(isFromTickloom(secret, headers, body)).toBe(true);
    expect(isFromTickloom('another secret', headers, body)).toBe(false);
    expect(isFromTickloom(secret, headers, `${body} `)).toBe(false);
    expect(isFromTickloom(secret, { ...headers, 'x-tickloom-timestamp': '1' }, body)).toBe(false);
    expect(isFromTickloom(secret, {}, body)).toBe(false);
  });

  it('that is not taken is sent again so often, then given up and counted', async () => {
    const { webhook, got, outcomes } = await receiver((response, count) => {
      if (count > servingLimits.webhookAttemptsMax) ok(response);
      else response.writeHead(503).end();
    });
    webhook.send({ n: 1 });
    webhook.send({ n: 2 });
    await expect.poll(() => outcomes).toEqual(['failed', 'sent']);
    expect(got.map(({ body }) => JSON.parse(body).n)).toEqual([1, 1, 1, 1, 1, 1, 2]);
    const deliveries = got.map(({ headers }) => headers['x-tickloom-delivery']);
    expect(new Set(deliveries).size).toBe(2);
  });

  it.each([404, 302])(
    'that is refused for good (%d) is sent once, and nowhere else',
    async (status) => {
      const { webhook, got, outcomes } = await receiver((response) =>
        response.writeHead(status, { location: '/elsewhere' }).end(),
      );
      webhook.send({});
      await expect.poll(() => outcomes).toEqual(['failed']);
      expect(got).toHaveLength(1);
    },
  );

  it('that is not answered is broken off and sent again', async () => {
    const { webhook, got, outcomes } = await receiver((response, count) => {
      if (count > 1) ok(response);
    });
    webhook.send({});
    await expect
      .poll(() => outcomes, { timeout: 10 * servingLimits.webhookAnswerMs })
      .toEqual(['sent']);
    expect(got).toHaveLength(2);
  });

  it('past so many that wait are dropped and counted, and sending never waits', async () => {
    const { webhook, outcomes } = await receiver(() => {});
    for (let i = 0; i < servingLimits.webhookQueueMax + 2; i++) webhook.send({ i });
    expect(outcomes).toEqual(['dropped', 'dropped']);
    await webhook.close();
    expect(outcomes).toEqual(Array(servingLimits.webhookQueueMax + 2).fill('dropped'));
    webhook.send({});
    expect(outcomes.at(-1)).toBe('dropped');
  });
});
