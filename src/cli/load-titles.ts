import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TitleManifest } from '../../engine/model/types.ts';
import type { Mends } from '../titles/open-title.ts';
import { UsageError } from './fail.ts';
import { loadManifest } from './load-manifest.ts';

/** A manifest, by the end of its file's name; declarations of types are none. */
const manifestFile = /(?<!\.d)\.([cm]?[jt]s|json)$/;

/**
 * Reads the manifest of a file, or those of all files that lie in a directory: a title each. Throws
 * `UsageError`.
 */
export async function loadTitles(path: string): Promise<readonly TitleManifest[]> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [await loadManifest(path)];
  const names = readdirSync(path).filter((name) => manifestFile.test(name));
  if (names.length === 0) {
    throw new UsageError(
      `the directory ${path} holds no manifest: each title is a .json, .js or .ts file in it`,
    );
  }
  const fileOf = new Map<string, string>();
  const manifests: TitleManifest[] = [];
  for (const name of names.sort()) {
    const file = join(path, name);
    const manifest = await loadManifest(file);
    const other = fileOf.get(manifest.title);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${file} are both of the title "${manifest.title}"`);
    }
    fileOf.set(manifest.title, file);
    manifests.push(manifest);
  }
  return manifests;
}

/** What is given up is given up of one title: its refusal to start has named it. Throws `UsageError`. */
export function refuseMendsOfSeveral(manifests: readonly TitleManifest[], mends: Mends): void {
  if (manifests.length < 2 || (mends.truncateAt === null && !mends.acceptLostRows)) return;
  throw new UsageError(
    '--truncate-at and --accept-lost-rows mend one title: start once with its manifest alone (--manifest <file>)',
  );
}
