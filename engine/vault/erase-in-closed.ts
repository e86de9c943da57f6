import { join } from 'node:path';
import { nodeStorage } from '../disk/node-storage.ts';
import type { Erasure } from './personal-values.ts';
import { Vault } from './vault.ts';

/**
 * Erases a person from a title that nobody serves. Null where the title keeps no values of persons;
 * `UNAVAILABLE` where somebody serves it.
 */
export async function eraseInClosed(
  titleDirectory: string,
  subject: string,
): Promise<Erasure | null> {
  if ((await nodeStorage.identify(join(titleDirectory, 'vault'))) === null) return null;
  const lock = await nodeStorage.lock(join(titleDirectory, 'log'));
  try {
    const vault = await Vault.open(nodeStorage, titleDirectory);
    try {
      return await vault.erase(subject);
    } finally {
      await vault.close();
    }
  } finally {
    await lock.release();
  }
}
