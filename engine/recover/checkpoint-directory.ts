import type { Storage } from '../disk/storage.ts';
import { readWhole, replaceDurably } from '../disk/whole-file.ts';
import type { Lsn } from '../model/position.ts';
import {
  type CheckpointManifest,
  decodeManifest,
  encodeManifest,
  filesOf,
  lsnOfManifestName,
  manifestName,
} from './checkpoint-manifest.ts';

/** A checkpoint as its manifest's file says; a text says why that cannot be relied on. */
export interface ExaminedCheckpoint {
  readonly lsn: Lsn;
  readonly manifest: CheckpointManifest | string;
}

/** What is on disk, newest first. Of the checkpoints' other files nothing is read. */
export async function examineCheckpoints(
  storage: Storage,
  directory: string,
): Promise<ExaminedCheckpoint[]> {
  const examined: ExaminedCheckpoint[] = [];
  for (const lsn of await manifestLsns(storage, directory)) {
    const bytes = await readWhole(storage, `${directory}/${manifestName(lsn)}`).catch(() => null);
    examined.push({ lsn, manifest: decodeManifest(lsn, bytes ?? new Uint8Array(0)) });
  }
  return examined;
}

/** Checkpoints on disk, newest first; those whose manifest is damaged are left out. */
export async function listCheckpoints(
  storage: Storage,
  directory: string,
): Promise<CheckpointManifest[]> {
  const examined = await examineCheckpoints(storage, directory);
  return examined
    .map(({ manifest }) => manifest)
    .filter((manifest) => typeof manifest !== 'string');
}

/** Makes the checkpoint the newest, durably and as a whole. All its files must be durable already. */
export async function publishCheckpoint(
  storage: Storage,
  directory: string,
  manifest: CheckpointManifest,
): Promise<void> {
  const path = `${directory}/${manifestName(manifest.lsn)}`;
  await replaceDurably(storage, path, [encodeManifest(manifest)]);
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
  // By name: one that cannot be read now may be read by another version.
  if (!(await manifestLsns(storage, directory)).some((lsn) => lsn > logEndLsn)) return;
  const kept = (await listCheckpoints(storage, directory)).filter(({ lsn }) => lsn <= logEndLsn);
  await removeOthers(storage, directory, kept);
  await storage.syncDirectory(directory);
}

/** Removes every file that none of `keep` needs, manifests that cannot be read among them. */
export async function removeOthers(
  storage: Storage,
  directory: string,
  keep: readonly CheckpointManifest[],
): Promise<void> {
  const needed = new Set(keep.map((manifest) => manifestName(manifest.lsn)));
  for (const manifest of keep) for (const file of filesOf(manifest)) needed.add(file.name);
  for (const name of await storage.list(directory)) {
    if (!needed.has(name)) await storage.remove(`${directory}/${name}`);
  }
}

/** Newest first. */
async function manifestLsns(storage: Storage, directory: string): Promise<Lsn[]> {
  // Before the first checkpoint there is no directory, and looking makes none.
  const names = await storage.list(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return [];
  });
  const lsns = names.map(lsnOfManifestName);
  return lsns.filter((lsn) => lsn !== null).sort((a, b) => b - a);
}
