import { describe, expect, onTestFinished, test } from 'vitest';
import { metricsEndpoint, metricsReaders } from '../../src/host/health.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { serveRoutes } from './http-front.ts';
import { answerOf, codeOf, Sandbox } from './sandbox.ts';

describe('metrics', () => {
  test('have a port of their own where one is set, and are not on that of the users', async () => {
    const sandbox = await Sandbox.start({ metricsPort: '0' });
    onTestFinished(() => sandbox.stop());
    const { origin } = new URL(sandbox.metricsUrl);
    expect(origin).not.toBe(sandbox.url);
    expect(await sandbox.metrics()).toContain('\nnodejs_eventloop_lag_seconds ');
    const onUsers = await fetch(`${sandbox.url}/metrics`);
    expect([onUsers.status, codeOf(await answerOf(onUsers))]).toEqual([404, 'NOT_FOUND']);
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    expect((await fetch(`${sandbox.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${origin}/ashfall/graphql`)).status).toBe(404);
  });

  test.each<[string, string, boolean]>([
    ['127.0.0.1', '127.0.0.1', true],
    ['localhost', '::1', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '::ffff:127.0.0.1', true],
    ['::', '::1', true],
    ['0.0.0.0', '10.0.0.7', false],
    ['10.0.0.1', '10.0.0.1', false],
    ['::', '::ffff:10.0.0.7', false],
    ['0.0.0.0', '', false],
  ])('of a server on %s answer %s: %s', (host, address, answers) => {
    expect(metricsReaders(host)(address)).toBe(answers);
  });

  test('say to others where they can be had', async () => {
    const metrics = new Metrics();
    const { url } = await serveRoutes(metrics, [
      {
        methods: ['GET'],
        path: '/metrics',
        endpoint: 'operations',
        handle: metricsEndpoint(metrics, () => false),
      },
    ]);
    const answer = await answerOf(await fetch(`${url}/metrics`));
    expect([answer.status, codeOf(answer)]).toEqual([403, 'FORBIDDEN']);
    expect(answer.errors?.[0]?.message).toContain('--metrics-port');
  });
});
