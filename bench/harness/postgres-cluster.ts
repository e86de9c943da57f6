import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Lifetime } from './lifetime.ts';

const run = promisify(execFile);

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** A cluster of its own in a temporary directory, synced to disk. */
export interface Cluster {
  /** Where its socket is, too. */
  readonly directory: string;
  psql(commands: readonly string[]): Promise<void>;
}

/** Started with a schema; null where there is no PostgreSQL. */
export async function startCluster(
  lifetime: Lifetime,
  schema: readonly string[],
): Promise<Cluster | null> {
  const binaries = findBinaries();
  if (binaries === null) return null;
  const account = accountOfServer();
  const directory = await lifetime.directory();
  if (account.uid !== undefined) chownSync(directory, account.uid, account.gid ?? account.uid);
  const data = join(directory, 'data');
  const initdb = ['-D', data, '--auth=trust', '--username=bench', '--encoding=UTF8', '--locale=C'];
  await run(join(binaries, 'initdb'), initdb, { ...account, cwd: directory });
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${directory}`,
    'fsync=on',
    'synchronous_commit=on',
    'shared_buffers=1GB',
    'max_wal_size=16GB',
    'wal_buffers=64MB',
    'wal_compression=off',
  ];
  const server: ChildProcess = spawn(
    join(binaries, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...account, cwd: directory, stdio: 'ignore' },
  );
  lifetime.onEnd(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    // A fast shutdown.
    server.kill('SIGINT');
    await ended;
  });
  const cluster: Cluster = {
    directory,
    async psql(commands) {
      const child = spawn(
        join(binaries, 'psql'),
        ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', directory, '-U', 'bench', 'postgres'],
        { stdio: ['pipe', 'ignore', 'pipe'] },
      );
      let problem = '';
      child.stderr.on('data', (text) => {
        problem += text;
      });
      // A psql that could not connect does not read: its exit tells why.
      child.stdin.on('error', () => undefined);
      child.stdin.end(
        commands.map((text) => (text.startsWith('\\') ? text : `${text};`)).join('\n'),
      );
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`psql ended with ${code}: ${problem}`);
    },
  };
  await untilUp(cluster, server);
  await cluster.psql(schema);
  return cluster;
}

async function untilUp(cluster: Cluster, server: ChildProcess): Promise<void> {
  const untilMs = performance.now() + 30_000;
  for (;;) {
    try {
      return await cluster.psql(['select 1']);
    } catch (error) {
      if (server.exitCode !== null || performance.now() > untilMs) throw error;
    }
    await sleep(100);
  }
}

/** Where the newest version's programs lie; on Debian, and as root, it is installed where it is missing. */
function findBinaries(): string | null {
  const find = (): string | null => {
    const versions = '/usr/lib/postgresql';
    if (!existsSync(versions)) return null;
    const [newest] = readdirSync(versions).sort((a, b) => Number(b) - Number(a));
    const directory = join(versions, newest ?? '', 'bin');
    return existsSync(join(directory, 'initdb')) ? directory : null;
  };
  const found = find();
  if (found !== null || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', 'postgresql'];
  try {
    execFileSync('apt-get', ['update'], { env, stdio: 'ignore' });
    execFileSync('apt-get', install, { env, stdio: 'ignore' });
  } catch {
    return null;
  }
  return find();
}

/** PostgreSQL refuses to run as root; Debian's package brings an account for it. */
function accountOfServer(): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
