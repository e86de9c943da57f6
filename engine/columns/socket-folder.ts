import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'tickloom-socket-';
const socketName = 's';
/** A child that is just being started does not listen yet. */
const startingMsMax = 120_000;
const answerMsMax = 500;

/**
 * A folder of this process for the socket of its child, in the system's temporary directory, since a
 * socket's path may have some hundred bytes only.
 */
export function makeSocketFolder(): string {
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
}

export function socketIn(folder: string): string {
  return join(folder, socketName);
}

/**
 * Removes the folders of processes that were killed with their children, and so could not remove
 * them. One in which somebody listens, or soon may, is left alone; a process of another container
 * shows by that alone. What cannot be removed hurts nobody.
 */
export async function clearDeadSocketFolders(): Promise<void> {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
  await Promise.all(
    names.map(async (name) => {
      const folder = join(tmpdir(), name);
      if (isAlive(Number(name.slice(prefix.length).split('-')[0]))) return;
      try {
        const { mtimeMs, uid } = lstatSync(folder);
        const own = process.getuid?.();
        if ((own !== 0 && uid !== own) || Date.now() - mtimeMs < startingMsMax) return;
        if (await isAnswered(socketIn(folder))) return;
        rmSync(folder, { recursive: true, force: true });
      } catch {
        // Another start was faster.
      }
    }),
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A stopped process does not answer, but the kernel takes the connection for it. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(answerMsMax, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
