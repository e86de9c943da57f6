import { expect, onTestFinished, test } from 'vitest';
import type { RoleDefinition } from '../../engine/model/types.ts';
import type { AuditRecord } from '../../src/audit/audit-record.ts';
import { RepeatedRefusals } from '../../src/audit/repeated-refusals.ts';
import { Allowance } from '../../src/limits/allowance.ts';
import { ClientKeys, sharedKey } from '../../src/limits/client-keys.ts';
import { TitleLimits } from '../../src/limits/title-limits.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ManualTimers } from '../log/manual-timers.ts';
import { StoppedClock } from './stopped-clock.ts';

test('a flood of subjects takes no more places than there are, and those who were there keep theirs', () => {
  const max = servingLimits.clientsCountedMax;
  const keys = new ClientKeys(max);
  const known = keys.keep('known', 10_000, 0);
  const flood = Array.from({ length: 2 * max }, (_, i) => keys.keep(`flood ${i}`, 10_000, i / 100));
  expect(keys.size).toBe(max);
  expect(flood.filter((key) => key === sharedKey)).toHaveLength(max + 1);
  expect(keys.keep('known', 10_000, 2_000)).toBe(known);
  // Once what they have used counts no more, others take their places.
  expect(keys.keep('late', 20_000, 10_000)).not.toBe(sharedKey);
  expect(keys.size).toBe(1);
});

test('a subject as long as a token is kept in short, and is nobody else', () => {
  const keys = new ClientKeys(10);
  const long = 'x'.repeat(8_000);
  const key = keys.keep(long, 1, 0);
  expect(key.length).toBeLessThan(64);
  expect(keys.keep(`${long}y`, 1, 0)).not.toBe(key);
  expect(keys.keep(key, 1, 0)).not.toBe(key);
});

test('beyond the places, clients share one allowance', async () => {
  const clock = new StoppedClock();
  clock.stop();
  onTestFinished(() => clock.start());
  const allowance = new Allowance('client', { requestsPerSecond: 2 }, 10);
  for (let i = 0; i < 10; i++) {
    expect(await allowance.request(`client ${i}`)).toBeNull();
  }
  expect(await allowance.request('one')).toBeNull();
  expect(await allowance.request('two')).toBeNull();
  expect(await allowance.request('three')).toMatchObject({ bound: 'requestsPerSecond' });
  // Who had a place has its own allowance still.
  expect(await allowance.request('client 7')).toBeNull();
});

test('a debt is an hour at most', async () => {
  const allowance = new Allowance('client', { rowsReadPerMinute: 1 });
  await allowance.charge('rowsReadPerMinute', 'reader', 1e12);
  const excess = await allowance.request('reader');
  expect(excess?.waitMs).toBeGreaterThan(servingLimits.debtMsMax - 10_000);
  expect(excess?.waitMs).toBeLessThanOrEqual(servingLimits.debtMsMax);
});

test('refusals are told at once, then in sums, a bounded number of lines, so often', () => {
  const events: AuditRecord[] = [];
  const timers = new ManualTimers();
  const { auditRefusalsToldMax, auditRefusalWindowMs } = servingLimits;
  const refusals = new RepeatedRefusals({
    timers,
    nowMs: () => 1,
    hasRoom: () => true,
    write: (event) => void events.push(event),
  });
  const audit = { record: (event: AuditRecord) => void refusals.take(event) };
  const [player] = ashfall.roles.filter(({ name }) => name === 'player');
  const role = { ...player, limits: { subscriptions: 0 } } as RoleDefinition;
  const use = new TitleLimits({}, new Metrics(), audit);
  const refuse = (subject: string, requestId: string) =>
    expect(() => use.subscribe({ subject, role }, requestId)).toThrow('subscriptions');
  for (let i = 0; i < 1_000; i++) refuse('loud', `r${i}`);
  for (let i = 0; i < 1_000; i++) refuse(`subject ${i}`, `r${i}`);
  expect(events).toHaveLength(auditRefusalsToldMax);
  expect(events[0]).toMatchObject({
    action: 'use.refused',
    code: 'QUOTA_EXCEEDED',
    subject: 'loud',
    requestId: 'r0',
    times: 1,
    details: { bound: 'subscriptions', of: 'client' },
  });
  // A flood of one kind hides none of another.
  audit.record({ ...(events[0] as AuditRecord), action: 'access.denied', subject: 'quiet' });
  expect(events.at(-1)).toMatchObject({ action: 'access.denied', subject: 'quiet' });
  expect(timers.delays).toEqual([auditRefusalWindowMs]);
  timers.fire();
  expect(events).toHaveLength(auditRefusalsToldMax + 3);
  expect(events.at(-1)).toMatchObject({
    action: 'refusal.others',
    details: { action: 'use.refused' },
  });
  const told = events.map(({ times }) => times);
  expect(told.reduce((a, b) => a + b)).toBe(2_001);
});
