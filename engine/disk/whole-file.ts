import { dirname } from 'node:path';
import { type Storage, type StorageFile, writeFully } from './storage.ts';

/**
 * Writes a file anew and makes its content durable; its name is so once the directory is synced.
 * What a crash left under the name is replaced.
 */
export async function writeDurably(
  storage: Storage,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  await withNew(storage, path, async (file) => {
    await writeFully(file, 'write', parts, 0);
    await file.sync();
  });
}

/** Replaces a file durably and as a whole: whatever fails, the name has the old content or this. */
export async function replaceDurably(
  storage: Storage,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  await writeDurably(storage, `${path}.new`, parts);
  await storage.rename(`${path}.new`, path);
  await storage.syncDirectory(dirname(path));
}

/** Writes a file anew; what becomes of its content in a power failure is open. */
export async function writeWhole(
  storage: Storage,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  await withNew(storage, path, (file) => writeFully(file, 'write', parts, 0));
}

async function withNew(
  storage: Storage,
  path: string,
  write: (file: StorageFile) => Promise<void>,
): Promise<void> {
  const file = await storage.create(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await storage.remove(path);
    return storage.create(path);
  });
  try {
    await write(file);
  } catch (error) {
    await file.close().catch(() => {});
    // Half a file is of no use, and on a full disk others need its room.
    await storage.remove(path).catch(() => {});
    throw error;
  }
  await file.close();
}

export function readWhole(storage: Storage, path: string): Promise<Uint8Array> {
  return withOpen(storage, path, async (file) => {
    const bytes = new Uint8Array(await file.size());
    const read = await file.read(bytes, 0);
    return bytes.subarray(0, read);
  });
}

/** Reads a file of just so many bytes as `target` has; false where it has another length. */
export function readExactly(storage: Storage, path: string, target: Uint8Array): Promise<boolean> {
  return withOpen(storage, path, async (file) => {
    if ((await file.size()) !== target.byteLength) return false;
    return (await file.read(target, 0)) === target.byteLength;
  });
}

async function withOpen<T>(
  storage: Storage,
  path: string,
  use: (file: StorageFile) => Promise<T>,
): Promise<T> {
  const file = await storage.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
