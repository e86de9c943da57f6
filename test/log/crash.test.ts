import { describe, expect, test } from 'vitest';
import type { Durability } from '../../engine/log/commit-log.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { asLsn } from '../../engine/model/position.ts';
import { points } from '../budget.ts';
import { FaultyStorage, StorageCrashed } from '../fault/storage.ts';
import { RecordingListener } from './listener.ts';
import { ManualTimers } from './manual-timers.ts';
import { payloadOf, readAll } from './records.ts';

const directory = '/data/log';
const segmentBytesMax = 4000;

/** What a client of the log was told, and what it asked for. */
class Told {
  /** Payloads by LSN, from 1; cut where the log rejected. */
  appended: Buffer[] = [];
  durable = 0;
  /** At least so many are on the disk, by what was told when the sync before the last one ended. */
  synced = 0;
  #durableAtSync = 0;
  /** Records before this one may be gone. */
  droppedBefore = 1;

  onSync(mode: Durability['mode']): void {
    this.synced = mode === 'strict' ? this.durable : this.#durableAtSync;
    this.#durableAtSync = this.durable;
  }
}

/**
 * Single appends and bursts, small records and one larger than a segment, rolls, a drop of old
 * segments, a full disk in between, a close, a second life. Ends with an error where the storage
 * crashes.
 */
async function workload(storage: FaultyStorage, durability: Durability, told: Told): Promise<void> {
  const timers = new ManualTimers();
  const open = async () => {
    const log = await openFileLog({
      storage,
      directory,
      durability,
      timers,
      segmentBytesMax,
      replayFrom: asLsn(told.droppedBefore),
      observer: { onSync: () => told.onSync(durability.mode) },
    });
    const listener = new RecordingListener(log);
    log.listen({
      onDurable(upTo) {
        told.durable = upTo;
        listener.onDurable(upTo);
      },
      onRejected(from, error) {
        told.appended.length = from - 1;
        listener.onRejected(from, error);
      },
      onRoom: () => listener.onRoom(),
      onFailure: (error) => listener.onFailure(error),
    });
    const append = (bytes: number) => {
      const payload = payloadOf(told.appended.length * 10_000 + bytes, bytes);
      const lsn = log.append([payload]);
      told.appended.push(payload);
      return lsn;
    };
    return { log, listener, append };
  };

  const first = await open();
  await first.listener.durable(first.append(100));
  for (const bytes of [10, 600, 0, 1300]) first.append(bytes);
  await first.listener.durable(5);
  timers.fire();
  await first.listener.durable(first.append(2500));
  for (const bytes of [5000, 40, 40]) first.append(bytes);
  await first.listener.durable(9);
  told.droppedBefore = 6;
  await first.log.truncateBefore(asLsn(6), 0);

  storage.capacityBytes = 0;
  for (const bytes of [900, 20]) first.append(bytes);
  await Promise.race([first.listener.next('rejected'), first.listener.durable(11)]);
  timers.fire();
  storage.capacityBytes = Number.POSITIVE_INFINITY;
  while (first.log.state.name === 'full') {
    await new Promise((next) => setImmediate(next));
    timers.fire();
  }
  const burst = [30, 2000, 700].map(first.append);
  await first.listener.durable(burst.at(-1) ?? 0);
  timers.fire();
  await first.log.close();

  const second = await open();
  for (const bytes of [300, 300]) second.append(bytes);
  await second.listener.durable(told.appended.length);
  await second.listener.durable(second.append(3000));
  await second.log.close();
}

async function verify(
  storage: FaultyStorage,
  durability: Durability,
  told: Told,
  present: number,
): Promise<void> {
  const timers = new ManualTimers();
  for (const life of [1, 2]) {
    const log = await openFileLog({
      storage,
      directory,
      durability,
      timers,
      segmentBytesMax,
      replayFrom: asLsn(Math.min(told.droppedBefore, told.appended.length + 1)),
    });
    expect(log.durableLsn).toBeGreaterThanOrEqual(present);
    expect(log.durableLsn).toBeLessThanOrEqual(told.appended.length);
    expect(log.firstLsn).toBeLessThanOrEqual(told.droppedBefore);
    for (const { lsn, payload } of await readAll(log, log.firstLsn)) {
      expect(Buffer.compare(payload, told.appended[lsn - 1] ?? Buffer.alloc(1))).toBe(0);
    }
    const listener = new RecordingListener(log);
    told.appended.length = log.durableLsn;
    const next = payloadOf(life, 800);
    told.appended.push(next);
    await listener.durable(log.append([next]));
    await log.close();
    present = log.durableLsn;
  }
}

describe('a crash at every single call', () => {
  for (const durability of [
    { mode: 'strict' },
    { mode: 'interval', syncEveryMs: 10 },
    { mode: 'none' },
  ] satisfies Durability[]) {
    for (const after of ['process', 'power'] as const) {
      test(`of the ${after} in ${durability.mode} loses nothing that was promised, and halves nothing`, async () => {
        const whole = new FaultyStorage();
        await workload(whole, durability, new Told());
        expect(whole.calls).toBeGreaterThan(60);
        for (const at of points(1, whole.calls)) {
          // Before a call is after the one before it.
          for (const moment of ['during', 'after'] as const) {
            const seed = at * 3 + moment.length;
            const storage = new FaultyStorage({
              seed,
              faults: [{ kind: 'crash', moment, at }],
              sectorBytes: seed % 2 === 0 ? 512 : 1,
            });
            const told = new Told();
            const ended = await workload(storage, durability, told).catch((error) => error);
            expect(storage.crashed, `call ${at} of ${whole.calls}`).toBe(true);
            expect(isCrash(ended), String(ended?.stack)).toBe(true);
            storage.restart(after);
            storage.capacityBytes = Number.POSITIVE_INFINITY;
            const present = after === 'process' ? told.durable : told.synced;
            await verify(storage, durability, told, present).catch((error) => {
              throw new Error(`crash ${moment} call ${at}, seed ${seed}`, { cause: error });
            });
          }
        }
      });
    }
  }
});

describe('a crash of the recovery itself', () => {
  test('at every single call of it, leaves what the first crash left or better', async () => {
    const durability: Durability = { mode: 'strict' };
    const whole = new FaultyStorage();
    await workload(whole, durability, new Told());
    for (const first of points(5, whole.calls, 7)) {
      for (let second = 1; ; second++) {
        const seed = first * 100 + second;
        const storage = new FaultyStorage({
          seed,
          faults: [{ kind: 'crash', moment: 'during', at: first }],
        });
        const told = new Told();
        await workload(storage, durability, told).catch(() => {});
        storage.restart('power');
        storage.capacityBytes = Number.POSITIVE_INFINITY;
        storage.inject({ kind: 'crash', moment: 'during', at: storage.calls + second });
        const options = { storage, directory, durability, replayFrom: asLsn(told.droppedBefore) };
        const log = await openFileLog(options).catch(() => null);
        storage.restart(seed % 2 === 0 ? 'power' : 'process');
        await verify(storage, durability, told, told.durable).catch((error) => {
          throw new Error(`crash in call ${first}, then ${second}, seed ${seed}`, { cause: error });
        });
        if (log !== null) break;
      }
    }
  });
});

/** The storage's own error, or the log's that names it as the cause. */
function isCrash(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof StorageCrashed) return true;
  }
  return false;
}
