import { closeSync, openSync, readSync } from 'node:fs';

const secretBytesMax = 64 * 1024;

/**
 * A secret from a file, as orchestrators mount them; the line end that editors put behind it is not
 * part of it. Throws `RangeError`, which names the file and never what is in it.
 */
export function readSecretFile(path: string): string {
  let text: string;
  try {
    text = readUpTo(path, secretBytesMax + 1).toString('utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RangeError(`a file that can be read: ${path} cannot (${code ?? message})`);
  }
  if (text.length > secretBytesMax)
    throw new RangeError(`a file with a secret; ${path} is too large`);
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new RangeError(`a file with a secret; ${path} is empty`);
  return secret;
}

/** A device or a pipe does not say how large it is. */
function readUpTo(path: string, bytesMax: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytesMax);
    let bytes = 0;
    for (;;) {
      const read = readSync(file, buffer, bytes, bytesMax - bytes, null);
      bytes += read;
      if (read === 0 || bytes === bytesMax) return buffer.subarray(0, bytes);
    }
  } finally {
    closeSync(file);
  }
}
