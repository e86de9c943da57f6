import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Storage, type StorageFile, writeFully } from '../disk/storage.ts';
import type { Lsn } from '../model/position.ts';
import {
  encodeSegmentHeader,
  firstLsnOfName,
  Segment,
  segmentHeaderBytes,
  segmentName,
} from './segment.ts';

/** What a segment is called until its header is durable; left behind by a crash, it holds nothing. */
export const unfinishedSuffix = '.new';

/** What is cut off on request is kept under a name of its own, never read again by the log. */
export function droppedName(path: string, now: Date): string {
  return `${path}.${now.toISOString().replaceAll(/[-:.]/g, '')}.dropped`;
}

/**
 * Begins a segment. When it returns, the segment is durable under its name; when it throws, there
 * is none. Everything before `firstLsn` must be durable.
 */
export async function createSegment(
  storage: Storage,
  directory: string,
  firstLsn: Lsn,
  chain: Uint8Array,
): Promise<{ readonly segment: Segment; readonly file: StorageFile }> {
  const header = { firstLsn, chain, salt: randomBytes(4).readUInt32LE() };
  const path = join(directory, segmentName(firstLsn));
  const unfinished = path + unfinishedSuffix;
  await removeIfThere(storage, unfinished);
  try {
    const draft = await storage.create(unfinished);
    try {
      await writeFully(draft, 'write', [encodeSegmentHeader(header)], 0);
      await draft.sync();
    } finally {
      await draft.close();
    }
    await storage.rename(unfinished, path);
    await storage.syncDirectory(directory);
    const file = await storage.open(path);
    return { segment: new Segment(path, header, segmentHeaderBytes), file };
  } catch (error) {
    await forget(storage, directory, [path, unfinished]);
    throw error;
  }
}

/** The first record that the log in a directory still holds; 1 for a log that is not begun. */
export async function firstHeldLsn(storage: Storage, directory: string): Promise<Lsn> {
  const firsts = await firstLsns(storage, directory);
  return (firsts.length === 0 ? 1 : Math.min(...firsts)) as Lsn;
}

/** The first record of the segment that a record belongs to; null for one that was dropped. */
export async function heldFrom(storage: Storage, directory: string, lsn: Lsn): Promise<Lsn | null> {
  const before = (await firstLsns(storage, directory)).filter((first) => first <= lsn);
  return before.length === 0 ? null : (Math.max(...before) as Lsn);
}

async function firstLsns(storage: Storage, directory: string): Promise<Lsn[]> {
  const names = await storage.list(directory);
  return names.map(firstLsnOfName).filter((lsn) => lsn !== null);
}

/** Under its name or half made, the segment must not be found beside records that took its place. */
async function forget(storage: Storage, directory: string, paths: string[]): Promise<void> {
  try {
    for (const path of paths) await removeIfThere(storage, path);
    await storage.syncDirectory(directory);
  } catch (cause) {
    throw new Error(`a segment of ${directory} could neither be begun nor removed`, { cause });
  }
}

export async function removeIfThere(storage: Storage, path: string): Promise<void> {
  try {
    await storage.remove(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const pieceBytes = 4 * 1024 * 1024;

/** Reads a part of one file and hands it to another (or to the same), piece by piece. */
export async function copyRange(
  source: StorageFile,
  from: number,
  to: number,
  target: StorageFile,
  targetOffset: number,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, Math.max(0, to - from)));
  for (let at = from; at < to; at += buffer.length) {
    const bytes = await source.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    await writeFully(target, 'write', [buffer.subarray(0, bytes)], targetOffset + (at - from));
  }
}
