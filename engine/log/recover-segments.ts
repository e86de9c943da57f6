import { basename, join } from 'node:path';
import { EngineError } from '../errors.ts';
import type { Lsn } from '../position.ts';
import { damageError, type LogDamage } from './log-damage.ts';
import { chainBytes } from './record.ts';
import { examineRemains, type SegmentScan, scanSegment } from './scan-segment.ts';
import {
  decodeSegmentHeader,
  firstLsnOfName,
  Segment,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentName,
} from './segment.ts';
import {
  copyRange,
  createSegment,
  droppedName,
  removeIfThere,
  unfinishedSuffix,
} from './segment-files.ts';
import type { Storage, StorageFile } from './storage.ts';

/** What opening found and did. */
export interface LogReport {
  readonly segments: number;
  /** Records and bytes read and verified. */
  readonly records: number;
  readonly bytes: number;
  readonly firstLsn: Lsn;
  /** One below `firstLsn` where the log is empty. */
  readonly lastLsn: Lsn;
  /** The log was closed in order the last time. */
  readonly sealed: boolean;
  /** Bytes of an unfinished write cut off the end; nothing of it had been acknowledged. */
  readonly tornBytes: number;
  /** What `truncateAt` cut off; null where there was no damage to cut. */
  readonly dropped: { readonly fromLsn: Lsn; readonly files: readonly string[] } | null;
  readonly seconds: number;
}

export interface RecoverOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** Segments wholly before this record are neither read nor handed over. */
  readonly replayFrom: Lsn;
  readonly truncateAt: Lsn | null;
  /** Whether records that may never have reached the disk are written there again. */
  readonly rewriteUnproven: boolean;
  readonly onRecord: (lsn: Lsn, payload: Uint8Array) => void | Promise<void>;
}

export interface RecoveredLog {
  readonly segments: Segment[];
  /** The last segment, open, cut to its valid records and synced. */
  readonly file: StorageFile;
  readonly chain: Uint8Array;
  readonly report: LogReport;
}

/** Reads the segments of a directory, mends what a crash left, refuses what is damaged. */
export async function recoverSegments(options: RecoverOptions): Promise<RecoveredLog> {
  const recovery = new Recovery(options);
  try {
    return await recovery.run();
  } catch (error) {
    await recovery.abandon();
    throw error;
  }
}

class Recovery {
  readonly #options: RecoverOptions;
  readonly #segments: Segment[] = [];
  /** Of the last record read; with `#nextLsn` unknown (null) after a segment that was not read. */
  readonly #chain = new Uint8Array(chainBytes);
  #nextLsn: Lsn | null = null;
  /** The segment read last, open. */
  #file: StorageFile | null = null;
  #records = 0;
  #bytes = 0;
  #sealed = false;
  #tornBytes = 0;
  #dropped: LogReport['dropped'] = null;

  constructor(options: RecoverOptions) {
    this.#options = options;
  }

  async run(): Promise<RecoveredLog> {
    const started = performance.now();
    const paths = await this.#segmentPaths();
    for (let i = 0; i < paths.length; i++) {
      const damage = await this.#readSegment(paths[i] as string, paths[i + 1] ?? null);
      if (damage === null) continue;
      await this.#cutOrRefuse(damage, paths);
      break;
    }
    const file = this.#file ?? (await this.#beginFirstSegment());
    const nextLsn = this.#nextLsn ?? firstOfAll;
    const report: LogReport = {
      segments: this.#segments.length,
      records: this.#records,
      bytes: this.#bytes,
      firstLsn: this.#segments[0]?.firstLsn ?? firstOfAll,
      lastLsn: (nextLsn - 1) as Lsn,
      sealed: this.#sealed,
      tornBytes: this.#tornBytes,
      dropped: this.#dropped,
      seconds: (performance.now() - started) / 1000,
    };
    requireReplayRange(this.#options.replayFrom, report);
    return { segments: this.#segments, file, chain: this.#chain, report };
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => {});
  }

  /** Ascending; removes what a crash left unfinished. */
  async #segmentPaths(): Promise<string[]> {
    const { storage, directory } = this.#options;
    const names = await storage.list(directory);
    for (const name of names) {
      if (name.endsWith(unfinishedSuffix)) await removeIfThere(storage, join(directory, name));
    }
    return names
      .filter((name) => firstLsnOfName(name) !== null)
      .sort()
      .map((name) => join(directory, name));
  }

  /** Returns the damage found, if any. */
  async #readSegment(path: string, nextPath: string | null): Promise<LogDamage | null> {
    const named = firstLsnOfName(basename(path)) as Lsn;
    const file = await this.#open(path);
    const size = await file.size();
    const expected = this.#nextLsn;
    const damaged = (reason: string, lsn: Lsn, offset = 0): LogDamage => ({
      segmentPath: path,
      offset,
      lsn,
      reason,
    });
    if (expected !== null && named > expected) {
      return damaged('the segments that held it are missing', expected);
    }
    const header = await readHeader(file, size);
    if (typeof header === 'string') return damaged(header, expected ?? named);
    if (header.firstLsn !== named || (expected !== null && named !== expected)) {
      return damaged(`its header says record ${header.firstLsn}`, expected ?? named);
    }
    if (expected === null) this.#chain.set(header.chain);
    else if (!Buffer.from(header.chain).equals(this.#chain)) {
      return damaged('it does not follow from the record before', expected);
    }

    const segment = new Segment(path, header, size);
    this.#segments.push(segment);
    const nextNamed = nextPath === null ? null : firstLsnOfName(basename(nextPath));
    if (nextNamed !== null && nextNamed < this.#options.replayFrom) {
      this.#nextLsn = null;
      return null;
    }
    const scan = await scanSegment(file, segment, size, this.#chain, (lsn, payload) => {
      this.#records++;
      return lsn < this.#options.replayFrom ? undefined : this.#options.onRecord(lsn, payload);
    });
    segment.end = scan.end;
    this.#nextLsn = scan.nextLsn;
    this.#bytes += scan.end;
    if (scan.stop === 'foreign') {
      return damaged('it does not follow from the record before', scan.nextLsn, scan.end);
    }
    const remains = await examineRemains(file, segment.salt, scan.end, size, scan.nextLsn);
    if (nextPath === null) {
      if (remains.proof === null) {
        await this.#settle(file, segment, size, scan, remains.bytes);
        return null;
      }
      const reason = `its checksum does not hold, and record ${remains.proof.lsn} behind it says that it was durable`;
      return damaged(reason, scan.nextLsn, scan.end);
    }
    return remains.bytes === 0 || scan.stop === 'sealed'
      ? null
      : damaged(
          'its checksum does not hold, and it is not in the last segment',
          scan.nextLsn,
          scan.end,
        );
  }

  /** Leaves the last segment with its valid records alone, all of them durable. */
  async #settle(
    file: StorageFile,
    segment: Segment,
    size: number,
    scan: SegmentScan,
    remainingBytes: number,
  ): Promise<void> {
    this.#sealed = scan.stop === 'sealed';
    this.#tornBytes = this.#sealed ? 0 : remainingBytes;
    if (size > segment.end) await file.truncate(segment.end);
    if (this.#options.rewriteUnproven && !this.#sealed) {
      // After a failed sync the operating system may hold, and show, what the disk does not.
      const from = segment.offsetNear(Math.max(segment.firstLsn, scan.syncedTo + 1));
      await copyRange(file, from, segment.end, file, from);
    }
    await file.sync();
  }

  async #cutOrRefuse(damage: LogDamage, paths: readonly string[]): Promise<void> {
    const { storage, directory, truncateAt, replayFrom } = this.#options;
    if (truncateAt !== damage.lsn || damage.lsn < replayFrom) {
      throw damageError(damage, truncateAt, replayFrom);
    }
    const segment = this.#segments.at(-1) ?? null;
    const inside = segment?.path === damage.segmentPath;
    const now = new Date();
    const files: string[] = [];
    // From the last back: a crash on the way leaves the same damage, with less behind it.
    const whole = paths.slice(paths.indexOf(damage.segmentPath) + (inside ? 1 : 0)).reverse();
    for (const path of whole) {
      await storage.rename(path, droppedName(path, now));
      files.push(basename(droppedName(path, now)));
      await storage.syncDirectory(directory);
    }
    this.#dropped = { fromLsn: damage.lsn, files };
    this.#nextLsn = damage.lsn;
    if (segment === null) {
      await this.#file?.close();
      this.#file = null;
      return;
    }
    const file = await this.#open(segment.path);
    const size = await file.size();
    if (inside) {
      const keptPath = droppedName(join(directory, segmentName(damage.lsn)), now);
      const kept = await storage.create(keptPath);
      await copyRange(file, segment.end, size, kept, 0);
      await kept.sync();
      await kept.close();
      await storage.syncDirectory(directory);
      files.push(basename(keptPath));
    }
    await file.truncate(segment.end);
    await file.sync();
  }

  async #beginFirstSegment(): Promise<StorageFile> {
    const { storage, directory } = this.#options;
    const firstLsn = this.#nextLsn ?? firstOfAll;
    const begun = await createSegment(storage, directory, firstLsn, this.#chain);
    this.#segments.push(begun.segment);
    return begun.file;
  }

  /** Opens a segment in place of the one that is open. */
  async #open(path: string): Promise<StorageFile> {
    await this.#file?.close();
    this.#file = null;
    this.#file = await this.#options.storage.open(path);
    return this.#file;
  }
}

const firstOfAll = 1 as Lsn;

async function readHeader(file: StorageFile, size: number): Promise<SegmentHeader | string> {
  const bytes = Buffer.alloc(Math.min(size, segmentHeaderBytes));
  await file.read(bytes, 0);
  return decodeSegmentHeader(bytes);
}

function requireReplayRange(replayFrom: Lsn, report: LogReport): void {
  const { firstLsn, lastLsn } = report;
  if (replayFrom >= firstLsn && replayFrom <= lastLsn + 1) return;
  throw new EngineError(
    'UNAVAILABLE',
    `recovery wants the records from ${replayFrom} on, the log holds ${firstLsn} to ${lastLsn}: restore a backup`,
    { details: { replayFrom, firstLsn, lastLsn } },
  );
}
