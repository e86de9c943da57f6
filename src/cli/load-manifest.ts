import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseManifest, validateManifest } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { UsageError } from './fail.ts';
import { importModule } from './import-module.ts';

/**
 * Reads a manifest from a module whose default export is one (`.ts`, `.js` and their like), or from
 * a JSON file. Throws `UsageError`; what is no program or no JSON is told with its line and column.
 */
export function loadManifest(path: string): Promise<TitleManifest> {
  return readManifest(path).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the manifest ${path} cannot be used: ${reason}${placeOf(error, path)}`);
  });
}

async function readManifest(path: string): Promise<TitleManifest> {
  if (!existsSync(path)) throw new Error('there is no such file');
  if (!/\.[cm]?[jt]s$/.test(path)) return readJson(path);
  const module = await importModule(resolve(path));
  if (module.default === undefined) {
    throw new Error('it has no default export; write `export default defineTitle({ … })`');
  }
  return validateManifest(module.default);
}

function readJson(path: string): TitleManifest {
  const text = readFileSync(path, 'utf8');
  try {
    return parseManifest(text);
  } catch (error) {
    if (!(error instanceof EngineError) || !(error.cause instanceof SyntaxError)) throw error;
    throw new Error(`${path}:${jsonPlace(text, error.cause)} is not JSON: ${error.cause.message}`);
  }
}

/** Line and column, from 1. What names no offset is the end that comes too early. */
function jsonPlace(text: string, error: SyntaxError): string {
  const offset = /at position (\d+)/.exec(error.message)?.[1];
  const before = text.slice(0, offset === undefined ? text.length : Number(offset)).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/**
 * Where in the manifest's files something was thrown. The problems of a manifest name the part of it
 * that each is about, and need no line.
 */
function placeOf(error: unknown, path: string): string {
  if (!(error instanceof Error) || error instanceof EngineError) return '';
  const folder = dirname(resolve(path));
  for (const [, file, place] of (error.stack ?? '').matchAll(/at .*?\(?(\/[^():]+):(\d+:\d+)/g)) {
    if (file?.startsWith(folder) && !file.includes('/node_modules/')) return ` (${file}:${place})`;
  }
  return '';
}
