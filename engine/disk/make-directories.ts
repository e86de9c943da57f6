import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and its parents where they are absent. Returns those it made, the deepest first.
 *
 * Node's own `recursive` goes up to a parent that is there, down again, and so on for ever, where a
 * file system says of a name below a directory that it does not exist and cannot be made: `/proc`.
 */
export async function makeDirectories(path: string): Promise<readonly string[]> {
  const absent: string[] = [];
  for (let at = resolve(path); !(await isDirectory(at)); at = dirname(at)) absent.push(at);
  for (const directory of absent.toReversed()) {
    await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw notMade(directory, error);
    });
  }
  return absent;
}

/** Throws where the name is taken by something else. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw notMade(path, error as NodeJS.ErrnoException);
  }
  throw notMade(path, Object.assign(new Error('not a directory'), { code: 'ENOTDIR' }));
}

function notMade(path: string, cause: NodeJS.ErrnoException): Error {
  const error = new Error(
    `the directory ${path} cannot be made or used (${cause.code}): data must lie on a disk that this user may write to`,
    { cause },
  );
  return Object.assign(error, { code: cause.code });
}
