import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

const secretBytes = 32;
const signedEnds = 'what was signed with this one, such as links to exports, is valid no longer';

/** The secret kept in a file that only its owner may read; made when there is none. */
export function secretFromFile(path: string): Buffer {
  const kept = readPrivately(path);
  if (kept === null) {
    const secret = randomBytes(secretBytes);
    writePrivately(path, secret);
    return secret;
  }
  if (kept.length === secretBytes) return kept;
  throw damagedFile(path, `it has ${kept.length} bytes instead of ${secretBytes}`, signedEnds);
}

/** The whole file; null where there is none. Other errors name the file and the mend. */
export function readPrivately(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new Error(
      `${path} cannot be read (${code ?? message}): it must be a file that the server's user may read`,
      { cause: error },
    );
  }
}

/** Writes the whole file or nothing, readable by its owner alone; on disk when it returns. */
export function writePrivately(path: string, content: string | Uint8Array): void {
  const draft = `${path}.draft`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, content, { mode: 0o600, flush: true });
    renameSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `${path} cannot be written (${code ?? message}): its folder must be one that the server's user may write to, with room left`,
      { cause: error },
    );
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** `lost`: what ends when the file is removed, and made anew by the next start. */
export function damagedFile(path: string, reason: string, lost: string): Error {
  return new Error(
    `${path} is damaged: ${reason}. Restore it from a backup, or remove it: the next start makes another, and ${lost}.`,
  );
}
