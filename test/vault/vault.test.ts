import { describe, expect, test } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { Vault } from '../../engine/vault/vault.ts';
import type { ColumnVector } from '../../engine/vectors/column-vector.ts';
import { valueAt } from '../../engine/vectors/column-vector.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { personalTitle } from './personal-title.ts';

const catalog = new Catalog(personalTitle);
const directory = '/titles/personal';

interface PlayerRow {
  readonly account: string;
  readonly email?: string | null;
  readonly city?: string | null;
}

async function opened(storage = new FaultyStorage()): Promise<Vault> {
  await storage.makeDirectory(directory);
  return Vault.open(storage, directory);
}

/** Seals a tick of these players, and waits for the disk. */
async function sealed(
  vault: Vault,
  ...rows: readonly PlayerRow[]
): Promise<Record<string, unknown>[]> {
  const { batch, durable } = vault.seal(tickOf(rows));
  await durable;
  const [stream] = batch.streams;
  return rows.map((_, row) =>
    Object.fromEntries(
      (stream?.rows.vectors ?? []).map((vector: ColumnVector) => [
        vector.column.name,
        valueAt(vector, row),
      ]),
    ),
  );
}

function tickOf(rows: readonly PlayerRow[], tick = 1) {
  return buildTickBatch(catalog, {
    header: tickHeader(tick),
    actions: [],
    effects: rows.map(({ account, email = null, city = null }) => ({
      table: 'players',
      op: 'upsert',
      key: { account },
      set: { email, city },
      require: null,
    })),
  });
}

const ann = { account: 'ann', email: 'ann@example.net', city: 'Bonn' };
const bob = { account: 'bob', email: 'bob@example.net', city: 'Bonn' };

test('the same values are the same tokens, in one tick, in another, and after a start', async () => {
  const storage = new FaultyStorage();
  const vault = await opened(storage);
  const [first] = await sealed(vault, ann);
  expect(await sealed(vault, ann)).toEqual([first]);
  await vault.close();
  const again = await opened(storage);
  expect(await sealed(again, ann)).toEqual([first]);
  expect(again.valueOf(first?.email as string)).toBe(ann.email);
});

test('a tick whose values are all there already waits for nothing', async () => {
  const vault = await opened();
  await sealed(vault, ann);
  expect(vault.seal(tickOf([ann])).durable).toBeNull();
});

test('a tick waits for the values that another has brought and that are not durable yet', async () => {
  const vault = await opened();
  const first = vault.seal(tickOf([ann]));
  const second = vault.seal(tickOf([ann], 2));
  expect(second.durable).not.toBeNull();
  const order: number[] = [];
  await Promise.all([
    second.durable?.then(() => order.push(2)),
    first.durable?.then(() => order.push(1)),
  ]);
  expect(order).toEqual([1, 2]);
});

test('of two people of one value each has a token, and erasing one leaves the other', async () => {
  const vault = await opened();
  const [a, b] = await sealed(vault, ann, bob);
  expect(a?.city).not.toBe(b?.city);
  expect(await vault.erase('ann')).toEqual({ values: 3 });
  for (const name of ['account', 'email', 'city']) {
    const token = a?.[name] as string;
    expect(vault.valueOf(token)).toBe(token);
  }
  expect(vault.valueOf(b?.city as string)).toBe('Bonn');
  expect(vault.tokensOf('Bonn', 10)).toEqual([b?.city]);
});

test('a value that comes again after its erasure has another token', async () => {
  const vault = await opened();
  const [before] = await sealed(vault, ann);
  await vault.erase('ann');
  const [after] = await sealed(vault, ann);
  expect(after?.account).not.toBe(before?.account);
  expect(after?.email).not.toBe(before?.email);
  expect(vault.valueOf(before?.email as string)).toBe(before?.email);
});

test('erasing leaves no byte of the values in any file, drafts included', async () => {
  const storage = new FaultyStorage();
  const vault = await opened(storage);
  await sealed(vault, ann, bob);
  expect(holding(storage, 'ann')).toEqual(['/titles/personal/vault/entries']);
  await vault.erase('ann');
  expect(holding(storage, 'ann')).toEqual([]);
  expect(holding(storage, 'bob@example.net')).toEqual(['/titles/personal/vault/entries']);
});

test('whoever is erased while values are on their way is gone from the file, too', async () => {
  const storage = new FaultyStorage();
  const vault = await opened(storage);
  const { durable } = vault.seal(tickOf([ann]));
  const erased = vault.erase('ann');
  await Promise.all([durable, erased]);
  await sealed(vault, bob);
  expect(holding(storage, 'ann')).toEqual([]);
});

test('nobody is erased where nobody is there, and that is told', async () => {
  const vault = await opened();
  expect(await vault.erase('nobody')).toEqual({ values: 0 });
  expect(vault.generation).toBe(0);
});

test('the vault loses what was erased since, where an older copy is put back', async () => {
  const storage = new FaultyStorage();
  const vault = await opened(storage);
  const [a, b] = await sealed(vault, ann, bob);
  const copy = storage.contentOf('/titles/personal/vault/entries');
  await vault.erase('ann');
  await vault.close();
  storage.overwrite('/titles/personal/vault/entries', () => copy);
  expect(holding(storage, 'ann')).not.toEqual([]);
  const again = await opened(storage);
  expect(again.valueOf(a?.email as string)).toBe(a?.email);
  expect(again.valueOf(b?.email as string)).toBe(bob.email);
  expect(holding(storage, 'ann')).toEqual([]);
});

describe('a file that is not as it was written', () => {
  test('is refused where it is damaged, with what to do', async () => {
    const storage = new FaultyStorage();
    const vault = await opened(storage);
    await sealed(vault, ann);
    await sealed(vault, bob);
    await vault.close();
    storage.flipBit('/titles/personal/vault/entries', 20, 1);
    await expect(opened(storage)).rejects.toThrow(/damaged at byte 0: restore the folder/);
  });

  test('is cut where its last record is torn', async () => {
    const storage = new FaultyStorage();
    const vault = await opened(storage);
    const [a] = await sealed(vault, ann);
    await sealed(vault, bob);
    await vault.close();
    storage.overwrite('/titles/personal/vault/entries', (bytes) => bytes.subarray(0, -3));
    const again = await opened(storage);
    expect(again.valueOf(a?.email as string)).toBe(ann.email);
    expect(again.count).toBe(3);
  });
});

describe('a full disk', () => {
  test('refuses ticks with new values, and takes them once there is room', async () => {
    const storage = new FaultyStorage();
    const vault = await opened(storage);
    await sealed(vault, ann);
    storage.capacityBytes = 0;
    await expect(sealed(vault, bob)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterMs: limits.vaultRetryMs,
    });
    expect(await sealed(vault, ann)).toHaveLength(1);
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    const [b] = await sealed(vault, bob);
    expect(vault.valueOf(b?.email as string)).toBe(bob.email);
  });

  test('erases nothing, says so, and erases once there is room', async () => {
    const storage = new FaultyStorage();
    const vault = await opened(storage);
    await sealed(vault, ann);
    storage.capacityBytes = 0;
    await expect(vault.erase('ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    await vault.erase('ann');
    expect(holding(storage, 'ann')).toEqual([]);
  });
});

test('after a failed sync nothing new is taken, and what is there is still shown', async () => {
  const storage = new FaultyStorage();
  const vault = await opened(storage);
  const [a] = await sealed(vault, ann);
  storage.inject({ kind: 'error', call: 'sync', code: 'EIO' });
  await expect(sealed(vault, bob)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(async () => sealed(vault, { account: 'carl' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  // Nor are those values that could not be written, though they are known by now.
  await expect(async () => sealed(vault, bob)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(vault.valueOf(a?.email as string)).toBe(ann.email);
  expect(vault.nameToken('dora', 'dora')).toBe('~');
});

test('a vault that is closed twice is closed', async () => {
  const vault = await opened();
  await Promise.all([vault.close(), vault.close()]);
});

test('a value has so many characters and no more', async () => {
  const vault = await opened();
  const most = 'x'.repeat(limits.personalValueLengthMax);
  expect(await sealed(vault, { account: most })).toHaveLength(1);
  expect(() => vault.seal(tickOf([{ account: `${most}x` }]))).toThrow(
    expect.objectContaining({
      code: 'LIMIT_EXCEEDED',
      details: expect.objectContaining({ limit: 'personalValueLengthMax' }),
    }),
  );
});

test('a vault takes so much memory and no more, until somebody is erased', async () => {
  const storage = new FaultyStorage();
  await storage.makeDirectory(directory);
  const measured = await opened();
  await sealed(measured, ann);
  const vault = await Vault.open(storage, directory, { bytesMax: measured.bytes });
  await sealed(vault, ann);
  expect(vault.bytes).toBe(measured.bytes);
  expect(() => vault.seal(tickOf([bob]))).toThrow(
    expect.objectContaining({
      code: 'QUOTA_EXCEEDED',
      details: expect.objectContaining({ limit: 'personalBytesMax' }),
    }),
  );
  expect(await sealed(vault, ann)).toHaveLength(1);
  await vault.erase('ann');
  expect(vault.bytes).toBe(0);
  expect(await sealed(vault, bob)).toHaveLength(1);
});

/** The files in which a text stands. */
function holding(storage: FaultyStorage, text: string): string[] {
  return storage.paths().filter((path) => storage.contentOf(path).includes(text));
}
