import { createHash, randomUUID } from 'node:crypto';
import { rename, stat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '../model/errors.ts';
import type { StorageLock } from './storage.ts';

const lockName = 'lock.sock';
/** `sun_path` holds 104 bytes on some systems, its end mark included. */
const socketPathBytesMax = 100;
const answerWaitMs = 500;

/**
 * Takes a directory for this process by listening on sockets named for it. The kernel closes a
 * socket with its process however that ends, so neither `kill -9` nor a process id used again can
 * leave a lock behind or break one: a socket nobody listens on refuses the connection, and is
 * stale.
 *
 * - `lock.sock` in the directory is seen by every process of this kernel, other containers
 *   included.
 * - On Linux a socket of the abstract namespace, named for the directory's inode, comes first. It
 *   leaves no file, so between processes of one network namespace the choice is the kernel's, with
 *   no race; and it serves alone where the file system holds no sockets.
 *
 * Machines that share a file system over a network do not see each other's sockets.
 */
export async function lockDirectory(directory: string): Promise<StorageLock> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const name = createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32);
  const inDirectory = join(directory, lockName);
  const short = Buffer.byteLength(inDirectory) <= socketPathBytesMax;
  const path = short ? inDirectory : join(tmpdir(), `tickloom-${name}.sock`);
  const ways = [() => lockPath(directory, path)];
  if (process.platform === 'linux') ways.unshift(() => listenOn(directory, `\0tickloom-${name}`));

  const held: Server[] = [];
  let impossible: unknown = null;
  for (const way of ways) {
    try {
      held.push(await way());
    } catch (error) {
      if (error instanceof EngineError) {
        await releaseAll(held);
        throw error;
      }
      impossible = error;
    }
  }
  // One way that works is enough; where none does, nobody could be kept out.
  if (held.length === 0) throw impossible;
  return { release: () => releaseAll(held) };
}

/** Listens on the path, after moving a stale socket out of the way. */
async function lockPath(directory: string, path: string): Promise<Server> {
  const holder = await whoAnswers(path);
  if (holder !== null) throw inUse(directory, holder);
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (moved) {
    // Between the question and the move another process may have begun to listen here.
    const late = await whoAnswers(aside);
    if (late !== null) {
      await rename(aside, path);
      throw inUse(directory, late);
    }
    await unlink(aside);
  }
  return listenOn(directory, path);
}

async function listenOn(directory: string, path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(String(process.pid));
  });
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen({ path, exclusive: true }, done);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw inUse(directory, (await whoAnswers(path)) ?? 'unknown');
  }
  server.unref();
  return server;
}

/**
 * The process id of whoever listens, `unknown` where it is too busy to say, null where nobody
 * listens.
 */
function whoAnswers(path: string): Promise<string | null> {
  return new Promise((answer) => {
    let text = '';
    let connected = false;
    const socket = createConnection({ path });
    const settle = () => {
      socket.destroy();
      answer(connected ? text || 'unknown' : null);
    };
    socket.setTimeout(answerWaitMs, settle);
    socket.setEncoding('utf8');
    socket.once('connect', () => {
      connected = true;
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.once('error', settle);
    socket.once('close', settle);
  });
}

function inUse(directory: string, pid: string): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `another process (pid ${pid}) holds ${directory}: stop it first, or give this one a data directory of its own`,
    { details: { directory, pid } },
  );
}

/** Last taken, first released: a closing socket removes its path, which must not be a successor's. */
async function releaseAll(servers: Server[]): Promise<void> {
  for (const server of servers.splice(0).reverse()) {
    await new Promise<void>((done) => server.close(() => done()));
  }
}
