import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const secretBytes = 32;

/** The secret kept in a file that only its owner may read; made when there is none. */
export function secretFromFile(path: string): Buffer {
  try {
    const secret = readFileSync(path);
    if (secret.length !== secretBytes) {
      throw new Error(
        `${path} is damaged: it must hold ${secretBytes} bytes; remove it to start anew`,
      );
    }
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = randomBytes(secretBytes);
  writePrivately(path, secret);
  return secret;
}

/** Writes the whole file or nothing, readable by its owner alone. */
export function writePrivately(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.draft`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, path);
}
