import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const socketName = 'operator.sock';
/** `sun_path` holds 104 bytes on some systems, its end mark included. */
const socketPathBytesMax = 100;

/**
 * Where the server of a data directory listens for its operator: a socket in a folder that only the
 * server's user may enter. It lies in the data directory, or, where that path is too long for a socket, in
 * the system's temporary directory under a name that follows from it.
 */
export function controlFolder(dataDir: string): string {
  const whole = resolve(dataDir);
  const folder = join(whole, 'control');
  if (Buffer.byteLength(join(folder, socketName)) <= socketPathBytesMax) return folder;
  const name = createHash('sha256').update(whole).digest('hex').slice(0, 24);
  return join(tmpdir(), `tickloom-control-${name}`);
}

export function controlSocketIn(folder: string): string {
  return join(folder, socketName);
}

/** Makes the folder for its owner alone. Throws where another user has made it. */
export function makeControlFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkOwned(folder);
  chmodSync(folder, 0o700);
}

/**
 * Throws where the folder is not this user's: whoever listens in it could read what an operator sends.
 * Root may ask every server.
 */
export function checkOwned(folder: string): void {
  const { uid } = lstatSync(folder);
  const own = process.getuid?.() ?? uid;
  if (uid === own || own === 0) return;
  throw new Error(
    `${folder} belongs to another user (id ${uid}): only the server's own may use it`,
  );
}
