import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package, whether the sources run or what was built from them. */
export function packageDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!isPackage(directory)) {
    const above = dirname(directory);
    if (above === directory) throw new Error('the tickloom package is incomplete');
    directory = above;
  }
  return directory;
}

export function packageVersion(): string {
  return String(readPackage(packageDirectory()).version);
}

function isPackage(directory: string): boolean {
  return existsSync(join(directory, 'package.json')) && readPackage(directory).name === 'tickloom';
}

function readPackage(directory: string): { readonly name?: unknown; readonly version?: unknown } {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
}
