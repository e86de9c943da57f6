import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, lchown, lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
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
  /** The server's whole data directory, around `directory`: its other parts stay closed. */
  readonly dataDirectory: string;
  /** What the child runs; it must be able to read it. */
  readonly program: string;
}

/** The child's folders within `HostFolders.directory`. */
export const childFolders = { data: 'clickhouse', scratch: 'scratch' } as const;

/**
 * How far the child is kept away from what it does not need.
 *
 * Where this process may (as root) it gives the child an account of its own, and hands it the folders
 * it works in, those of an earlier version or account included, and those that are lent to it. Nothing
 * else of the data directory can be read by it: folders on the way are opened for passing through,
 * what lies beside is closed.
 *
 * Where it may not (not root, or Node or this package lie where others may not read) the child runs
 * as this process does, and `detail` says why.
 */
export class HostIsolation {
  /** Null: the child runs as this process does. */
  readonly account: HostAccount | null;
  /** For the log, in a sentence. */
  readonly detail: string;
  readonly #folders: HostFolders;
  /** Who owns the child's folders; null where nobody is kept apart. */
  readonly #owner: HostAccount | null;
  readonly #lent = new Set<string>();
  /** Folders are opened and closed one lending after the other. */
  #lending: Promise<unknown> = Promise.resolve();

  static async begin(folders: HostFolders): Promise<HostIsolation> {
    const own = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
    await mkdir(folders.directory, { recursive: true });
    if (process.platform !== 'linux' || own.uid !== 0) {
      const detail = 'the same user as the server, which is not root';
      return new HostIsolation(folders, null, null, detail);
    }
    const account = await accountOf(folders.directory);
    const way = wayTo(folders.directory, folders.dataDirectory);
    await closeBeside(way, new Set(way));
    const obstacle = await obstacleFor(account, folders);
    const owner = obstacle === null ? account : own;
    for (const name of Object.values(childFolders)) {
      const path = join(folders.directory, name);
      await mkdir(path, { recursive: true, mode: 0o700 });
      await giveTo(path, owner);
    }
    return obstacle === null
      ? new HostIsolation(
          folders,
          account,
          owner,
          `user ${account.uid}, which can read its own folders alone`,
        )
      : new HostIsolation(
          folders,
          null,
          owner,
          `root, as a user of its own cannot run it: ${obstacle}`,
        );
  }

  private constructor(
    folders: HostFolders,
    account: HostAccount | null,
    owner: HostAccount | null,
    detail: string,
  ) {
    this.#folders = folders;
    this.account = account;
    this.#owner = owner;
    this.detail = detail;
  }

  /**
   * Lets the child read the files that this process writes to `folder`, a title's spool; made where it
   * is absent. Returns what takes that back: the way there is closed when another folder is lent.
   */
  lend(folder: string): Promise<() => Promise<void>> {
    const lending = this.#lending.then(() => this.#lend(folder));
    this.#lending = lending.catch(() => {});
    return lending;
  }

  async #lend(folder: string): Promise<() => Promise<void>> {
    await mkdir(folder, { recursive: true });
    if (this.#owner !== null) {
      this.#lent.add(folder);
      const { directory, dataDirectory } = this.#folders;
      const parent = wayTo(dirname(folder), dataDirectory);
      const open = new Set(wayTo(directory, dataDirectory));
      for (const one of this.#lent) {
        for (const step of wayTo(dirname(one), dataDirectory)) open.add(step);
      }
      if (isWithin(folder, dataDirectory)) await closeBeside(parent, open);
      await share(folder, this.#owner);
    }
    return async () => void this.#lent.delete(folder);
  }
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

/** The folders from the data directory down to this one, both included; where it lies elsewhere, it alone. */
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

/**
 * The folders of a way may be passed through and not listed; what lies beside them in any of these is
 * closed to others, unless another way goes through it (`open`).
 */
async function closeBeside(way: readonly string[], open: ReadonlySet<string>): Promise<void> {
  for (const folder of way) {
    const { mode } = await lstat(folder);
    await chmod(folder, (mode & 0o7770) | 0o1);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (open.has(path) || entry.isSymbolicLink()) continue;
      // The server's own temporary files may go at any time.
      const beside = await lstat(path).catch(() => null);
      if (beside && (beside.mode & 0o7) !== 0) await chmod(path, beside.mode & 0o7770);
    }
  }
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

/** Files made in the folder from now on belong to the child's group, which may read them. */
async function share(folder: string, { gid }: HostAccount): Promise<void> {
  await lchown(folder, 0, gid);
  await chmod(folder, 0o2710);
  for (const name of await readdir(folder)) await lchown(join(folder, name), 0, gid);
}
