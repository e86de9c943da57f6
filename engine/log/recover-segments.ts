import { basename, join } from 'node:path';
import type { StorageFile } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';
import {
  type Examination,
  type ExamineOptions,
  examineSegments,
  type LogEnd,
} from './examine-segments.ts';
import { damageError, type LogDamage } from './log-damage.ts';
import { type Segment, segmentName } from './segment.ts';
import {
  copyRange,
  createSegment,
  droppedName,
  removeIfThere,
  unfinishedSuffix,
} from './segment-files.ts';
import { isSealed, type TornTail, tornTailOf } from './torn-tail.ts';

/** What opening found and did. */
export interface LogReport {
  readonly segments: number;
  /** Records and bytes read and verified. */
  readonly records: number;
  readonly bytes: number;
  readonly firstLsn: Lsn;
  /** The last record's LSN; one below `firstLsn` where the log is empty. */
  readonly lastLsn: Lsn;
  /** The log was closed in order the last time. */
  readonly sealed: boolean;
  /** What was cut off the end; null where there was nothing. In `strict` none of it had been acknowledged. */
  readonly torn: TornTail | null;
  /** What `truncateAt` cut off; null where there was no damage to cut. */
  readonly dropped: { readonly fromLsn: Lsn; readonly files: readonly string[] } | null;
  readonly seconds: number;
}

export interface RecoverOptions extends ExamineOptions {
  readonly truncateAt: Lsn | null;
  /** Whether records that may never have reached the disk are written there again. */
  readonly rewriteUnproven: boolean;
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
  #file: StorageFile | null = null;
  #dropped: LogReport['dropped'] = null;

  constructor(options: RecoverOptions) {
    this.#options = options;
  }

  async run(): Promise<RecoveredLog> {
    const started = performance.now();
    await this.#removeUnfinished();
    const found = await examineSegments(this.#options);
    const { segments, chain, end } = found;
    this.#file = found.file;
    let nextLsn = found.nextLsn ?? firstOfAll;
    if (end.kind === 'whole') await this.#settle(end);
    if (end.kind === 'damaged') {
      await this.#cutOrRefuse(end.damage, found);
      nextLsn = end.damage.lsn;
    }
    const file = this.#file ?? (await this.#beginFirstSegment(found, nextLsn));
    const report: LogReport = {
      segments: segments.length,
      records: found.records,
      bytes: found.bytes,
      firstLsn: segments[0]?.firstLsn ?? firstOfAll,
      lastLsn: (nextLsn - 1) as Lsn,
      sealed: isSealed(end),
      torn: tornTailOf(end),
      dropped: this.#dropped,
      seconds: (performance.now() - started) / 1000,
    };
    requireReplayRange(this.#options.replayFrom, report);
    return { segments, file, chain, report };
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => {});
  }

  /** What a crash left of a segment that was being begun. */
  async #removeUnfinished(): Promise<void> {
    const { storage, directory } = this.#options;
    for (const name of await storage.list(directory)) {
      if (name.endsWith(unfinishedSuffix)) await removeIfThere(storage, join(directory, name));
    }
  }

  /** Leaves the last segment with its valid records alone, all of them durable. */
  async #settle(end: Extract<LogEnd, { kind: 'whole' }>): Promise<void> {
    const { file, segment, size, scan } = end;
    if (size > segment.end) await file.truncate(segment.end);
    if (this.#options.rewriteUnproven && !isSealed(end)) {
      // After a failed sync the operating system may hold, and show, what the disk does not.
      const from = segment.offsetNear(Math.max(segment.firstLsn, scan.syncedTo + 1));
      await copyRange(file, from, segment.end, file, from);
    }
    await file.sync();
  }

  async #cutOrRefuse(damage: LogDamage, { paths, segments }: Examination): Promise<void> {
    const { storage, directory, truncateAt, replayFrom } = this.#options;
    if (truncateAt !== damage.lsn || damage.lsn < replayFrom) {
      throw damageError(damage, truncateAt, replayFrom);
    }
    const segment = segments.at(-1) ?? null;
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

  async #beginFirstSegment({ segments, chain }: Examination, firstLsn: Lsn): Promise<StorageFile> {
    const { storage, directory } = this.#options;
    const begun = await createSegment(storage, directory, firstLsn, chain);
    segments.push(begun.segment);
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

/** Throws `UNAVAILABLE` where the log does not hold what a replay wants. */
export function requireReplayRange(
  replayFrom: Lsn,
  report: Pick<LogReport, 'firstLsn' | 'lastLsn'>,
): void {
  const { firstLsn, lastLsn } = report;
  if (replayFrom >= firstLsn && replayFrom <= lastLsn + 1) return;
  throw new EngineError(
    'UNAVAILABLE',
    `recovery wants the records from ${replayFrom} on, the log holds ${firstLsn} to ${lastLsn}: restore a backup`,
    { details: { replayFrom, firstLsn, lastLsn } },
  );
}
