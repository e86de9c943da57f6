import { execFile } from 'node:child_process';
import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EngineError } from '../model/errors.ts';
import { bubblewrapCommand, filesOf } from './bubblewrap.ts';
import { accountOf, giveTo, type HostAccount, openWayTo, share } from './host-account.ts';

const run = promisify(execFile);

export interface HostFolders {
  /** Holds the child's folders. */
  readonly directory: string;
  /** The server's whole data directory, around `directory`: its other parts stay closed. */
  readonly dataDirectory: string;
  /** What the child runs; it must be able to read it. */
  readonly program: string;
}

/** The folders within `HostFolders.directory` that the child sees. It cannot write to `handed`. */
export const childFolders = { data: 'clickhouse', scratch: 'scratch', handed: 'handed' } as const;

/** What keeps the child away from what it does not need, the strongest first. */
export type IsolationKind = 'bubblewrap' | 'own user' | 'none';

/** `required`: nothing is started that can read what the server's user can. */
export type IsolationDemand = 'auto' | 'required';

/** How the child may be run; `account` null: as this process' user. */
interface Way {
  readonly account: HostAccount | null;
  readonly kind: IsolationKind;
}

/** A file that the child can read for a while. */
export interface HandedFile {
  readonly path: string;
  takeBack(): Promise<void>;
}

/**
 * How far the child is kept away from what it does not need.
 *
 * - Where bubblewrap works, the child has namespaces of its own: it sees its folders, Node, this
 *   package and the system's libraries, and has no network.
 * - Where this process may (as root) it gives the child an account of its own, and hands it the
 *   folders it works in, those of an earlier version or account included. Nothing else of the data
 *   directory can be read by it: folders on the way are opened for passing through, what lies beside
 *   is closed.
 *
 * Both hold where both can. Where neither does, the child runs as this process does. Ways are tried
 * before one is taken, as what a system allows shows only then.
 */
export class HostIsolation {
  readonly kind: IsolationKind;
  /** Null: the child runs as this process' user. */
  readonly account: HostAccount | null;
  /** For people: what holds, and what would hold more. */
  readonly detail: string;
  readonly #folders: HostFolders;
  /** Who owns the child's folders; null where that is this process' user anyway. */
  readonly #owner: HostAccount | null;
  #handed = 0;

  /** Throws `UNAVAILABLE` where isolation is required and there is none. */
  static async begin(folders: HostFolders, demand: IsolationDemand): Promise<HostIsolation> {
    await mkdir(folders.directory, { recursive: true });
    const isLinux = process.platform === 'linux';
    const isRoot = isLinux && process.getuid?.() === 0;
    const account = isRoot ? await accountOf(folders.directory, childFolders.data) : null;
    if (account !== null) await openWayTo(folders.directory, folders.dataDirectory);
    for (const name of Object.values(childFolders)) {
      await mkdir(join(folders.directory, name), { recursive: true, mode: 0o700 });
    }
    const ways: Way[] = isLinux ? [{ account: null, kind: 'bubblewrap' }] : [];
    if (account !== null)
      ways.unshift({ account, kind: 'bubblewrap' }, { account, kind: 'own user' });
    const { way, obstacles } = await firstThatWorks(ways, folders);
    if (demand === 'required' && way.kind === 'none') {
      throw new EngineError(
        'UNAVAILABLE',
        `the process of ClickHouse cannot be isolated, which TICKLOOM_COLUMNS_ISOLATION=required demands: ${detailOf(way, obstacles)}`,
      );
    }
    const owner = isRoot ? (way.account ?? root) : null;
    await prepareFolders(folders.directory, owner);
    return new HostIsolation(folders, way, owner, detailOf(way, obstacles));
  }

  private constructor(folders: HostFolders, way: Way, owner: HostAccount | null, detail: string) {
    this.kind = way.kind;
    this.account = way.account;
    this.detail = detail;
    this.#folders = folders;
    this.#owner = owner;
  }

  /** What stands before the child's own command line; `socketDirectory` is where it listens. */
  commandBefore(socketDirectory: string): readonly string[] {
    return this.kind === 'bubblewrap' ? wrapped(this.#folders, [socketDirectory]) : [];
  }

  /** Makes files that this process writes to `folder`, a title's spool, fit to be handed over. */
  async lend(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    if (this.#owner === null) return;
    // What was made since the start lies beside the child's way, too.
    await openWayTo(this.#folders.directory, this.#folders.dataDirectory);
    await share(folder, this.#owner);
  }

  /**
   * Lets the child read a file, from a folder that was lent, by a second name where it can look. Null
   * where the file system has no such names, or the folder lies on another one.
   */
  async handOver(path: string): Promise<HandedFile | null> {
    this.#handed += 1;
    const name = join(this.#folders.directory, childFolders.handed, String(this.#handed));
    try {
      await link(path, name);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EXDEV' || code === 'EPERM' || code === 'ENOTSUP') return null;
      throw error;
    }
    return { path: name, takeBack: () => rm(name, { force: true }) };
  }
}

const root: HostAccount = { uid: 0, gid: 0 };

/** The folders that the child works in become its owner's; what an earlier server handed over is taken back. */
async function prepareFolders(directory: string, owner: HostAccount | null): Promise<void> {
  const handed = join(directory, childFolders.handed);
  for (const name of await readdir(handed)) await rm(join(handed, name));
  if (owner === null) return;
  await giveTo(join(directory, childFolders.data), owner);
  await giveTo(join(directory, childFolders.scratch), owner);
  await share(handed, owner);
}

async function firstThatWorks(
  ways: readonly Way[],
  folders: HostFolders,
): Promise<{ readonly way: Way; readonly obstacles: readonly string[] }> {
  const obstacles: string[] = [];
  for (const way of ways) {
    const obstacle = await obstacleTo(way, folders);
    if (obstacle === null) return { way, obstacles };
    obstacles.push(obstacle);
  }
  return { way: { account: null, kind: 'none' }, obstacles };
}

function detailOf({ kind, account }: Way, obstacles: readonly string[]): string {
  const why = [...new Set(obstacles)].map((obstacle) => `; ${obstacle}`).join('');
  const user = account === null ? '' : `user ${account.uid} of its own`;
  if (kind === 'bubblewrap') {
    const whose = user === '' ? '' : `, as ${user}`;
    return `bubblewrap${whose}: it sees its own folders, Node and the system's libraries, and no network`;
  }
  if (kind === 'own user')
    return `${user}, which can read its own folders and what every user can${why}`;
  return `none: what ClickHouse is made to read, it reads as the server's user${why}. Install bubblewrap, or run the server as root`;
}

/** Why the child cannot be run so; null: it can. It is tried, with Node alone. */
async function obstacleTo({ account, kind }: Way, folders: HostFolders): Promise<string | null> {
  const chdb = createRequire(folders.program).resolve('chdb');
  // Passing through the last folder is all that is needed: nobody but its owner may list it.
  const paths = [folders.program, chdb, join(folders.directory, '.')];
  const script =
    'const [last, ...read] = JSON.parse(process.env.PATHS).reverse(); fs.statSync(last); for (const path of read) fs.accessSync(path, 4)';
  const before = kind === 'bubblewrap' ? wrapped(folders, []) : [];
  const [program, ...words] = [...before, process.execPath, '-e', script] as [string, ...string[]];
  try {
    await run(program, words, {
      ...account,
      env: { PATH: process.env.PATH, PATHS: JSON.stringify(paths) },
      cwd: '/',
      timeout: probeMs,
    });
    return null;
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
    if (kind === 'bubblewrap' && code === 'ENOENT') return 'bubblewrap (bwrap) is not installed';
    const said = /^(?:bwrap|\w*Error): ([^\n]+)/m.exec(stderr ?? '')?.[1];
    const reason = said ?? message.split('\n')[0] ?? 'unknown';
    return `${kind === 'bubblewrap' ? 'bubblewrap does not work here' : 'a user of its own cannot run it'} (${reason})`;
  }
}

const probeMs = 10_000;

function wrapped({ directory, dataDirectory, program }: HostFolders, more: readonly string[]) {
  const own = (name: string) => join(directory, name);
  return bubblewrapCommand({
    dataDirectory,
    writable: [own(childFolders.data), own(childFolders.scratch), ...more],
    readable: [...filesOf(program), own(childFolders.handed)],
  });
}
