import { expect, test } from 'vitest';
import { FaultyStorage } from '../fault/storage.ts';
import { payloadOf } from './records.ts';
import { start } from './start-log.ts';

const unavailable = expect.objectContaining({ code: 'UNAVAILABLE' });

test('a log goes from open to full and back, then through closing to closed', async () => {
  const storage = new FaultyStorage();
  const { log, listener, timers } = await start(storage);
  expect(log.state).toEqual({ name: 'open' });
  await listener.durable(log.append([payloadOf(1, 50_000)]));

  storage.capacityBytes = 51_000;
  log.append([payloadOf(2, 800)]);
  await listener.next('rejected');
  expect(log.state).toMatchObject({ name: 'full', error: { retryAfterMs: expect.any(Number) } });
  expect(() => log.append([payloadOf(2, 1)])).toThrow(unavailable);

  storage.capacityBytes = Number.POSITIVE_INFINITY;
  timers.fire();
  await listener.next('room');
  expect(log.state).toEqual({ name: 'open' });

  const lsn = log.append([payloadOf(2, 800)]);
  const closed = log.close();
  expect(log.state).toEqual({ name: 'closing' });
  expect(() => log.append([payloadOf(3, 1)])).toThrow('closed');
  await closed;
  expect([log.state, log.durableLsn]).toEqual([{ name: 'closed' }, lsn]);
  expect(() => log.append([payloadOf(3, 1)])).toThrow('closed');
});

test('a log that has failed stays so when it is closed, and a log that fails as it closes has failed', async () => {
  const storage = new FaultyStorage();
  const { log, listener } = await start(storage);
  storage.inject({ kind: 'error', code: 'EIO', call: 'writeThrough' });
  log.append([payloadOf(1, 100)]);
  await listener.next('failure');
  expect(log.state).toMatchObject({ name: 'failed', error: { code: 'UNAVAILABLE' } });
  await log.close();
  expect(log.state.name).toBe('failed');
  expect(() => log.append([payloadOf(1, 1)])).toThrow(unavailable);

  const again = await start(storage);
  storage.inject({ kind: 'error', code: 'EIO', call: 'writeThrough' });
  again.log.append([payloadOf(1, 100)]);
  await again.log.close();
  expect(again.log.state.name).toBe('failed');
});

test('a log that is closed while it is full closes in order', async () => {
  const storage = new FaultyStorage();
  const { log, listener } = await start(storage);
  await listener.durable(log.append([payloadOf(1, 50_000)]));
  storage.capacityBytes = 51_000;
  log.append([payloadOf(2, 800)]);
  await listener.next('rejected');
  await Promise.all([log.close(), log.close()]);
  expect(log.state).toEqual({ name: 'closed' });
});
