import type { KeptBacklog } from '../columns/shipping/kept-backlog.ts';
import type { Storage } from '../log/storage.ts';
import { readWhole, writeDurably } from '../log/whole-file.ts';
import type { Lsn } from '../position.ts';

/** A file of a checkpoint: its name, length and CRC-32. */
export interface CheckpointFile {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
}

/** What a checkpoint consists of; files may be shared with the one before. */
export interface CheckpointManifest {
  readonly format: 2;
  readonly lsn: Lsn;
  readonly tables: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly slotCount: number;
    readonly pages: readonly { readonly page: number; readonly file: CheckpointFile }[];
  }[];
  readonly sessions: CheckpointFile;
  /** In order; each holds what the ones before lack. */
  readonly ledgers: readonly CheckpointFile[];
  readonly views: CheckpointFile;
  /** What the column store lacked of this prefix; its files lie in the column store's spool. */
  readonly backlog: KeptBacklog;
}

const namePattern = /^checkpoint-(\d{16})\.json$/;

/** Checkpoints on disk, newest first; unreadable ones are left out. */
export async function listCheckpoints(
  storage: Storage,
  directory: string,
): Promise<CheckpointManifest[]> {
  const names = (await storage.list(directory)).filter((name) => namePattern.test(name));
  const manifests: CheckpointManifest[] = [];
  for (const name of names.sort().reverse()) {
    const bytes = await readWhole(storage, `${directory}/${name}`);
    try {
      const parsed = JSON.parse(Buffer.from(bytes).toString('utf8')) as CheckpointManifest;
      if (parsed.format === 2) manifests.push(parsed);
    } catch {
      // Cut short by a crash of the machine: an older one, or the log, holds the same.
    }
  }
  return manifests;
}

/** Makes the checkpoint the newest, durably and as a whole. All its files must be durable already. */
export async function publishCheckpoint(
  storage: Storage,
  directory: string,
  manifest: CheckpointManifest,
): Promise<void> {
  const name = checkpointName(manifest.lsn);
  const text = Buffer.from(JSON.stringify(manifest), 'utf8');
  await writeDurably(storage, `${directory}/${name}.new`, [text]);
  await storage.rename(`${directory}/${name}.new`, `${directory}/${name}`);
  await storage.syncDirectory(directory);
}

/**
 * Removes checkpoints of positions that the log does not have any more, since it was cut: it will
 * come to them again, with other records.
 */
export async function removeBeyond(
  storage: Storage,
  directory: string,
  logEndLsn: Lsn,
): Promise<void> {
  await storage.makeDirectory(directory);
  const all = await listCheckpoints(storage, directory);
  const kept = all.filter((manifest) => manifest.lsn <= logEndLsn);
  if (kept.length === all.length) return;
  await removeOthers(storage, directory, kept);
  await storage.syncDirectory(directory);
}

/** Removes every file that none of `keep` needs. */
export async function removeOthers(
  storage: Storage,
  directory: string,
  keep: readonly CheckpointManifest[],
): Promise<void> {
  const needed = new Set(keep.map((manifest) => checkpointName(manifest.lsn)));
  for (const manifest of keep) for (const file of filesOf(manifest)) needed.add(file.name);
  for (const name of await storage.list(directory)) {
    if (!needed.has(name)) await storage.remove(`${directory}/${name}`);
  }
}

export function filesOf(manifest: CheckpointManifest): CheckpointFile[] {
  const pages = manifest.tables.flatMap((table) => table.pages.map((page) => page.file));
  return [...pages, manifest.sessions, ...manifest.ledgers, manifest.views];
}

function checkpointName(lsn: Lsn): string {
  return `checkpoint-${String(lsn).padStart(16, '0')}.json`;
}
