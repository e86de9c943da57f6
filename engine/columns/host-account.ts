import { createHash } from 'node:crypto';
import { chmod, lchown, lstat, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** A user of the system that owns nothing but the column store's own folders. */
export interface HostAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Users that neither people, packages nor systemd's services get: https://systemd.io/UIDS-GIDS */
const accountFirst = 60_706;
const accountsMax = 478;

/** The one that owns the folder `name` in `directory` already, else one that follows from where it lies. */
export async function accountOf(directory: string, name: string): Promise<HostAccount> {
  const owner = (await lstat(join(directory, name)).catch(() => null))?.uid ?? 0;
  if (owner >= accountFirst && owner < accountFirst + accountsMax) {
    return { uid: owner, gid: owner };
  }
  const digest = createHash('sha256')
    .update(await realpath(directory))
    .digest();
  const uid = accountFirst + (digest.readUInt32LE(0) % accountsMax);
  return { uid, gid: uid };
}

/**
 * Others may pass through the folders from the data directory down to this one, and not list them;
 * what lies beside these is closed to others. A folder that lies elsewhere is opened alone.
 */
export async function openWayTo(folder: string, dataDirectory: string): Promise<void> {
  await closeBeside(wayTo(folder, dataDirectory));
}

/** Both ends included. */
function wayTo(folder: string, dataDirectory: string): string[] {
  if (!isWithin(folder, dataDirectory)) return [folder];
  const way = [dataDirectory];
  for (const step of relative(dataDirectory, folder).split(sep)) {
    if (step !== '') way.push(join(way.at(-1) as string, step));
  }
  return way;
}

function isWithin(folder: string, dataDirectory: string): boolean {
  return !relative(dataDirectory, folder).startsWith('..');
}

async function closeBeside(way: readonly string[]): Promise<void> {
  for (const folder of way) {
    const { mode } = await lstat(folder);
    await chmod(folder, (mode & 0o7770) | 0o1);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (way.includes(path) || entry.isSymbolicLink()) continue;
      // The server's own temporary files may go at any time.
      const beside = await lstat(path).catch(() => null);
      if (beside && (beside.mode & 0o7) !== 0) await chmod(path, beside.mode & 0o7770);
    }
  }
}

/**
 * Makes the account own the folder and all in it. The top last: a walk that was broken off is done
 * again by the next start.
 */
export async function giveTo(path: string, owner: HostAccount): Promise<void> {
  const { uid } = await lstat(path);
  if (uid === owner.uid) return;
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    await lchown(join(entry.parentPath ?? entry.path, entry.name), owner.uid, owner.gid);
  }
  await lchown(path, owner.uid, owner.gid);
}

/** Files made in the folder from now on belong to the child's group, which may read them. */
export async function share(folder: string, { gid }: HostAccount): Promise<void> {
  await lchown(folder, 0, gid);
  await chmod(folder, 0o2710);
  for (const name of await readdir(folder)) await lchown(join(folder, name), 0, gid);
}
