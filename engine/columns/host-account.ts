import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, lchown, lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A user of the system that owns nothing but the column store's own folders. */
export interface HostAccount {
  readonly uid: number;
  readonly gid: number;
}

export interface HostFolders {
  /** Holds the child's folders, `clickhouse` and `scratch`. */
  readonly directory: string;
  /** Blocks that the child reads and the parent writes. */
  readonly spoolDirectory: string;
  /** The server's whole data directory, around `directory`: its other parts stay closed. */
  readonly dataDirectory: string;
  /** What the child runs; it must be able to read it. */
  readonly program: string;
}

/** The child's folders within `HostFolders.directory`. */
export const childFolders = { data: 'clickhouse', scratch: 'scratch' } as const;

/** How far the child is kept away from what it does not need: for the log, in a sentence. */
export interface Isolation {
  readonly account: HostAccount | null;
  readonly detail: string;
}

/**
 * Gives the child an account of its own where this process may (as root), and hands it the folders
 * it works in, those of an earlier version or account included. Nothing else of the data directory
 * can be read by it: folders on the way are opened for passing through, what lies beside is closed.
 *
 * Where it cannot be (not root, or Node or this package lie where others may not read) the child
 * runs as this process does, and `detail` says why.
 */
export async function isolateHost(folders: HostFolders): Promise<Isolation> {
  const own = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  await mkdir(folders.directory, { recursive: true });
  await mkdir(folders.spoolDirectory, { recursive: true });
  if (process.platform !== 'linux' || own.uid !== 0) {
    return { account: null, detail: 'the same user as the server, which is not root' };
  }
  const account = await accountOf(folders.directory);
  await closeBeside(folders);
  const obstacle = await obstacleFor(account, folders);
  const owner = obstacle === null ? account : own;
  for (const name of Object.values(childFolders)) {
    const path = join(folders.directory, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await giveTo(path, owner);
  }
  await shareSpool(folders.spoolDirectory, owner);
  return obstacle === null
    ? { account, detail: `user ${account.uid}, which can read its own folders alone` }
    : { account: null, detail: `root, as a user of its own cannot run it: ${obstacle}` };
}

/** Users that neither people, packages nor systemd's services get: https://systemd.io/UIDS-GIDS */
const accountFirst = 60_706;
const accountsMax = 478;

/** The one that has its data already, else one that follows from where they lie. */
async function accountOf(directory: string): Promise<HostAccount> {
  const owner = (await lstat(join(directory, childFolders.data)).catch(() => null))?.uid ?? 0;
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
 * The folders from the data directory down to the child's may be passed through and not listed;
 * what lies beside them in any of these is closed to others.
 */
async function closeBeside({ directory, dataDirectory }: HostFolders): Promise<void> {
  const way = relative(dataDirectory, directory);
  const steps = way === '' || way.startsWith('..') ? [] : way.split(sep);
  let folder = steps.length === 0 ? directory : dataDirectory;
  for (const step of [...steps, null]) {
    const { mode } = await lstat(folder);
    await chmod(folder, (mode & 0o7770) | 0o1);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name === step || entry.isSymbolicLink()) continue;
      const path = join(folder, entry.name);
      // The server's own temporary files may go at any time.
      const beside = await lstat(path).catch(() => null);
      if (beside && (beside.mode & 0o7) !== 0) await chmod(path, beside.mode & 0o7770);
    }
    if (step !== null) folder = join(folder, step);
  }
  // The spool's files are read by the child; `shareSpool` opens it.
}

/** Why the account cannot run the child; null: it can. It is tried, as that account. */
async function obstacleFor(account: HostAccount, folders: HostFolders): Promise<string | null> {
  const chdb = createRequire(folders.program).resolve('chdb');
  // Passing through the folder is all that is needed: nobody but its owner may list it.
  const reached = [folders.program, chdb, join(folders.directory, '.')];
  const script = 'for (const path of JSON.parse(process.env.PATHS)) fs.statSync(path)';
  const read =
    'for (const path of JSON.parse(process.env.PATHS).slice(0, 2)) fs.accessSync(path, 4)';
  try {
    await run(process.execPath, ['-e', `${script}; ${read}`], {
      ...account,
      env: { PATHS: JSON.stringify(reached) },
      cwd: '/',
      timeout: probeMs,
    });
    return null;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return /Error: ([^\n]+)/.exec(stderr ?? '')?.[1] ?? message.split('\n')[0] ?? 'unknown';
  }
}

const probeMs = 10_000;

/** The top last: a walk that was broken off is done again by the next start. */
async function giveTo(path: string, owner: HostAccount): Promise<void> {
  const { uid } = await lstat(path);
  if (uid === owner.uid) return;
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    await lchown(join(entry.parentPath ?? entry.path, entry.name), owner.uid, owner.gid);
  }
  await lchown(path, owner.uid, owner.gid);
}

/** Files made in the spool from now on belong to the child's group, which may read them. */
async function shareSpool(spoolDirectory: string, { gid }: HostAccount): Promise<void> {
  await lchown(spoolDirectory, 0, gid);
  await chmod(spoolDirectory, 0o2710);
  for (const name of await readdir(spoolDirectory)) {
    await lchown(join(spoolDirectory, name), 0, gid);
  }
}
