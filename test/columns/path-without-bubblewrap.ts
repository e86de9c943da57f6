import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A search path, made in `directory`, with all programs that a child uses, and no bubblewrap. */
export function pathWithoutBubblewrap(directory: string): string {
  const path = join(directory, 'bin');
  mkdirSync(path);
  for (const name of ['mkfifo', 'chrt']) {
    const found = execFileSync('sh', ['-c', `command -v ${name} || true`], { encoding: 'utf8' });
    if (found !== '') symlinkSync(found.trim(), join(path, name));
  }
  return path;
}
