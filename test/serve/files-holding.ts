import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The files below a directory, by their paths in it, in which one of the texts stands, in any byte of them. */
export function filesHolding(directory: string, texts: readonly string[]): string[] {
  const holding: string[] = [];
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // Files of ClickHouse come and go.
    const bytes = readOrNull(path);
    if (bytes && texts.some((text) => bytes.includes(text)))
      holding.push(relative(directory, path));
  }
  return holding.sort();
}

function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
