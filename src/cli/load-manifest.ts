import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseManifest, validateManifest } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { UsageError } from './fail.ts';

/** Reads a manifest from a JSON file, or a module whose default export is one. Throws `UsageError`. */
export function loadManifest(path: string): Promise<TitleManifest> {
  return readManifest(path).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the manifest ${path} cannot be used: ${reason}${problemsOf(error)}`);
  });
}

async function readManifest(path: string): Promise<TitleManifest> {
  if (!/\.[cm]?js$/.test(path)) return parseManifest(readFileSync(path, 'utf8'));
  const module: { readonly default?: unknown } = await import(pathToFileURL(resolve(path)).href);
  return validateManifest(module.default);
}

function problemsOf(error: unknown): string {
  if (!(error instanceof EngineError)) return '';
  const { problems } = error.details;
  if (!Array.isArray(problems)) return '';
  return problems
    .map(({ place, message }: { place?: unknown; message?: unknown }) => `\n  ${place}: ${message}`)
    .join('');
}
