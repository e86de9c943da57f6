import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeStorage } from '../disk/node-storage.ts';
import { replaceDurably } from '../disk/whole-file.ts';
import { parseManifest, serializeManifest } from '../manifest/manifest-json.ts';
import { EngineError } from '../model/errors.ts';
import type { TitleManifest } from '../model/types.ts';
import { incompatibilities } from './incompatibilities.ts';

/** A manifest that the log beside it allows. */
export interface FittingManifest {
  /** The very one that is kept already: a start succeeded under it. */
  readonly isKept: boolean;
  /**
   * Keeps it beside the log it describes, durably. To be called before anything is logged under it,
   * and not before the start is sure to succeed: one that is refused leaves the manifest as it was.
   */
  keep(): Promise<void>;
}

/**
 * Refuses a manifest under which the log's records would mean something else (`MIGRATION_REFUSED`);
 * touches nothing. New tables, new optional columns at the end of their table, new enum values at
 * the end, views, indexes and roles may come and go freely.
 */
export async function fitManifest(
  directory: string,
  manifest: TitleManifest,
): Promise<FittingManifest> {
  const path = join(directory, 'manifest.json');
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const text = serializeManifest(manifest);
  if (kept === text) return { isKept: true, keep: async () => {} };
  if (kept !== null) {
    const problems = incompatibilities(parseKept(kept, path), manifest);
    if (problems.length > 0) {
      throw new EngineError(
        'MIGRATION_REFUSED',
        `the data in ${directory} was written under another manifest: ${problems.join('; ')}`,
        { details: { problems } },
      );
    }
  }
  return {
    isKept: false,
    keep: async () => {
      await nodeStorage.makeDirectory(directory);
      // One that a power failure emptied would keep a whole log from being read.
      await replaceDurably(nodeStorage, path, [Buffer.from(text)]);
    },
  };
}

/** Throws `UNAVAILABLE` with the file's path for a text that `serializeManifest` did not write. */
export function parseKept(text: string, path: string): TitleManifest {
  try {
    return parseManifest(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError(
      'UNAVAILABLE',
      `${path} is damaged: ${reason}. It says how the log beside it is read: restore it from a ` +
        'backup. Where the manifest has not changed since the last start, the file may also be ' +
        'removed: the next start writes it anew. Nothing was changed.',
      { details: { path }, cause: error },
    );
  }
}
