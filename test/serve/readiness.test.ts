import { expect, test } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { readinessEndpoint } from '../../src/host/health.ts';
import { Readiness } from '../../src/host/readiness.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import type { TitleCondition } from '../../src/titles/title-condition.ts';
import { serveRoutes } from './http-front.ts';
import { answerOf, codeOf } from './sandbox.ts';

const operations = { methods: ['GET'], path: '/readyz', endpoint: 'operations' } as const;

type Title = { -readonly [Key in keyof TitleCondition]: TitleCondition[Key] };

async function serveReadiness() {
  const title: Title = {
    name: 'ashfall',
    state: 'open',
    engine: null,
    audit: null,
    recoveredLsn: null,
    isOfStart: true,
  };
  const titles: Title[] = [title];
  const readiness = new Readiness(() => titles);
  readiness.server = 'serving';
  const metrics = new Metrics();
  const routes = [{ ...operations, handle: readinessEndpoint(metrics, readiness) }];
  const { url } = await serveRoutes(metrics, routes, 'the server is starting');
  const ask = async () => {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, ...((await response.json()) as object) };
  };
  return { url, readiness, title, titles, ask };
}

function engineAt(applied: number, covered: number, failure: Error | null = null): Engine {
  const columns = { coveredLsn: asLsn(covered) };
  return { appliedLsn: asLsn(applied), columns, failure } as unknown as Engine;
}

test('a server that recovers its log is not ready, and tells clients to come again', async () => {
  const { url, ask } = await serveReadiness();
  expect(await ask()).toMatchObject({ status: 503, ready: false, checks: { log: 'recovering' } });
  const response = await fetch(`${url}/ashfall/graphql`, { method: 'POST' });
  expect(response.headers.get('retry-after')).toBe('1');
  expect([response.status, codeOf(await answerOf(response))]).toEqual([503, 'UNAVAILABLE']);
});

test('it is ready once the columns have what the log held, and stays so when they lag later', async () => {
  const { title, ask } = await serveReadiness();
  title.engine = engineAt(9, 4);
  title.recoveredLsn = asLsn(9);
  expect(await ask()).toMatchObject({ status: 503, checks: { log: 'ok', columns: 'catching up' } });
  title.engine = engineAt(200, 9);
  expect(await ask()).toMatchObject({
    status: 200,
    ready: true,
    position: '0:200',
    coveredPosition: '0:9',
  });
});

test('it is not ready when the log failed, and says why where that may be said', async () => {
  const { title, ask } = await serveReadiness();
  title.recoveredLsn = asLsn(1);
  title.engine = engineAt(1, 1, new EngineError('UNAVAILABLE', 'the disk is full'));
  expect(await ask()).toMatchObject({
    status: 503,
    checks: { log: 'failed' },
    reason: 'the disk is full',
  });
  title.engine = engineAt(1, 1, new Error('EIO: /secret/path'));
  expect(await ask()).toMatchObject({ reason: 'the log cannot be written' });
});

test('it is not ready while it drains', async () => {
  const { readiness, title, ask } = await serveReadiness();
  title.recoveredLsn = asLsn(1);
  title.engine = engineAt(1, 1);
  readiness.server = 'draining';
  expect(await ask()).toMatchObject({ status: 503, checks: { server: 'draining' } });
});

test('it is not ready before every route answers, nor while no token can be verified', async () => {
  const { readiness, title, ask } = await serveReadiness();
  title.recoveredLsn = asLsn(1);
  title.engine = engineAt(1, 1);
  readiness.server = 'starting';
  expect(await ask()).toMatchObject({ status: 503, checks: { server: 'starting' } });
  readiness.server = 'serving';
  readiness.identityProblem = () => 'the identity provider https://id.example cannot be used';
  expect(await ask()).toMatchObject({
    status: 503,
    checks: { identity: 'no provider' },
    reason: 'the identity provider https://id.example cannot be used',
  });
  readiness.identityProblem = () => null;
  expect(await ask()).toMatchObject({ status: 200, ready: true });
});

test('it tells of each title, and one that is opened or closed later makes it unready by no means', async () => {
  const { title, titles, ask } = await serveReadiness();
  Object.assign(title, { engine: engineAt(9, 9), recoveredLsn: asLsn(9) });
  const late: Title = { ...title, name: 'late', isOfStart: false, state: 'opening', engine: null };
  titles.push(late);
  const ready = { ready: true, checks: { log: 'ok', columns: 'ok' } };
  expect(await ask()).toMatchObject({
    status: 200,
    titles: { ashfall: { ...ready, position: '0:9' }, late: { ready: false } },
  });
  Object.assign(late, { state: 'open', engine: engineAt(7, 3), recoveredLsn: asLsn(7) });
  const catchingUp = { ready: false, checks: { log: 'ok', columns: 'catching up' } };
  expect(await ask()).toMatchObject({ status: 200, titles: { ashfall: ready, late: catchingUp } });
  late.engine = engineAt(7, 7, new EngineError('UNAVAILABLE', 'the disk is full'));
  expect(await ask()).toMatchObject({ status: 503, reason: 'the disk is full' });
});

test('an audit log that cannot be written is told, and takes no server out of service', async () => {
  const { title, ask } = await serveReadiness();
  title.engine = engineAt(9, 9);
  title.recoveredLsn = asLsn(9);
  title.audit = { state: 'refusing', trouble: 'the disk of the log is full' };
  expect(await ask()).toMatchObject({
    status: 200,
    ready: true,
    checks: { audit: 'refusing' },
    reason: 'the audit log: the disk of the log is full',
  });
  title.audit = { state: 'ok', trouble: null };
  expect(await ask()).toMatchObject({ status: 200, checks: { audit: 'ok' } });
});
