import { describe, expect, test } from 'vitest';
import type { StorageFile } from '../../engine/disk/storage.ts';
import { FaultyStorage, StorageCrashed } from './storage.ts';

const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

async function withFile(
  options: ConstructorParameters<typeof FaultyStorage>[0],
): Promise<{ storage: FaultyStorage; file: StorageFile }> {
  const storage = new FaultyStorage(options);
  await storage.makeDirectory('/d');
  const file = await storage.create('/d/f');
  await storage.syncDirectory('/d');
  return { storage, file };
}

/** What a power failure leaves of the file, over many seeds. */
async function outcomes(
  run: (file: StorageFile, storage: FaultyStorage) => Promise<unknown>,
  options: ConstructorParameters<typeof FaultyStorage>[0] = {},
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const seed of seeds) {
    const { storage, file } = await withFile({ seed, sectorBytes: 1, ...options });
    await run(file, storage);
    storage.restart('power');
    found.add(storage.contentOf('/d/f').toString('latin1'));
  }
  return found;
}

describe('a power failure', () => {
  test('spares what was synced, or written through', async () => {
    const synced = await outcomes(async (file) => {
      await file.write([Buffer.from('abc')], 0);
      await file.sync();
      await file.writeThrough([Buffer.from('de')], 3);
    });
    expect([...synced]).toEqual(['abcde']);
  });

  test('tears and reorders what was not, and may leave none or all of it', async () => {
    const torn = await outcomes(async (file) => {
      await file.write([Buffer.from('ab')], 0);
      await file.write([Buffer.from('cd')], 2);
    });
    for (const expected of ['', 'abcd', 'abc']) expect(torn).toContain(expected);
    expect([...torn].some((left) => /^\0+[cd]/.test(left))).toBe(true);
  });

  test('keeps what was written through after a write that it loses', async () => {
    const found = await outcomes(async (file) => {
      await file.write([Buffer.from('old')], 0);
      await file.writeThrough([Buffer.from('new')], 0);
    });
    expect([...found]).toEqual(['new']);
  });

  test('may undo a truncation', async () => {
    const found = await outcomes(async (file) => {
      await file.writeThrough([Buffer.from('abcd')], 0);
      await file.truncate(1);
    });
    expect([...found].sort()).toEqual(['a', 'abcd']);
  });

  test('may take back names that were made, changed and removed', async () => {
    const found = new Set<string>();
    for (const seed of seeds) {
      const { storage } = await withFile({ seed });
      await storage.create('/d/g');
      await storage.rename('/d/f', '/d/h');
      storage.restart('power');
      found.add(storage.paths().join());
    }
    expect(found).toEqual(new Set(['/d/f', '/d/f,/d/g', '/d/h', '/d/g,/d/h']));
  });

  test('gives the same result for the same seed', async () => {
    const once = async () => {
      const { storage, file } = await withFile({ seed: 42 });
      await file.write([Buffer.alloc(50_000, 7)], 0);
      storage.restart('power');
      return storage.contentOf('/d/f');
    };
    expect((await once()).equals(await once())).toBe(true);
  });
});

describe('a fault', () => {
  test('of a sync drops what was unsynced, although it still reads back', async () => {
    const found = await outcomes(async (file, storage) => {
      await file.write([Buffer.from('abcdefgh')], 0);
      storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
      await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
      const seen = Buffer.alloc(8);
      await file.read(seen, 0);
      expect(seen.toString()).toBe('abcdefgh');
      await file.sync();
    });
    expect(found.size).toBeGreaterThan(1);
  });

  test('of a process leaves all that was written', async () => {
    const { storage, file } = await withFile({});
    await file.write([Buffer.from('abc')], 0);
    storage.crash();
    await expect(file.read(Buffer.alloc(1), 0)).rejects.toBeInstanceOf(StorageCrashed);
    storage.restart('process');
    await expect(file.sync()).rejects.toBeInstanceOf(StorageCrashed);
    expect(storage.contentOf('/d/f').toString()).toBe('abc');
  });

  test('comes at the call with its number, before, during or after it', async () => {
    const left = new Set<string>();
    for (const moment of ['before', 'during', 'after'] as const) {
      for (const seed of seeds) {
        const { storage, file } = await withFile({
          seed,
          faults: [{ kind: 'crash', moment, at: 4 }],
        });
        expect(storage.calls).toBe(3);
        const crashed = storage.whenCrashed;
        await expect(file.write([Buffer.from('abc')], 0)).rejects.toBeInstanceOf(StorageCrashed);
        await crashed;
        storage.restart('process');
        left.add(`${moment} ${storage.contentOf('/d/f')}`);
      }
    }
    expect(left).toEqual(
      new Set(['before ', 'during ', 'during a', 'during ab', 'during abc', 'after abc']),
    );
  });

  test('of a full disk stops a write short, then fails it, until there is room', async () => {
    const { storage, file } = await withFile({ capacityBytes: 5 });
    expect(await file.write([Buffer.from('abc')], 0)).toBe(3);
    expect(await file.write([Buffer.from('defg')], 3)).toBe(2);
    await expect(file.write([Buffer.from('fg')], 5)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await file.write([Buffer.from('ABCDE')], 0)).toBe(5);
    storage.capacityBytes = 7;
    expect(await file.write([Buffer.from('fg')], 5)).toBe(2);
  });

  test('that shortens a write says how much was written', async () => {
    const { storage, file } = await withFile({});
    storage.inject({ kind: 'short', call: 'write', bytes: 2 });
    expect(await file.write([Buffer.from('a'), Buffer.from('bc')], 0)).toBe(2);
    expect(storage.contentOf('/d/f').toString()).toBe('ab');
  });
});

test('a directory is locked once, until its holder releases it or dies', async () => {
  const { storage } = await withFile({});
  const lock = await storage.lock('/d');
  await expect(storage.lock('/d')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await lock.release();
  await storage.lock('/d');
  storage.restart('process');
  await storage.lock('/d');
});
