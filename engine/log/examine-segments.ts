import { basename, join } from 'node:path';
import type { Storage, StorageFile } from '../disk/storage.ts';
import type { Lsn } from '../model/position.ts';
import type { LogDamage } from './log-damage.ts';
import { chainBytes } from './record.ts';
import { examineRemains, type SegmentScan, scanSegment } from './scan-segment.ts';
import {
  decodeSegmentHeader,
  firstLsnOfName,
  Segment,
  type SegmentHeader,
  segmentHeaderBytes,
} from './segment.ts';

export interface ExamineOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** Segments wholly before this record are neither read nor handed over. */
  readonly replayFrom: Lsn;
  /** `chain` is the record's own; it and the payload are valid until the call returns. */
  readonly onRecord: (lsn: Lsn, payload: Uint8Array, chain: Uint8Array) => void | Promise<void>;
}

/** What is behind the last valid record. */
export type LogEnd =
  /** Nothing that was ever durable; `remainingBytes` are the rest of an unfinished write. */
  | {
      readonly kind: 'whole';
      readonly file: StorageFile;
      readonly segment: Segment;
      readonly size: number;
      readonly scan: SegmentScan;
      readonly remainingBytes: number;
    }
  | { readonly kind: 'damaged'; readonly damage: LogDamage }
  | GoesOn;

/** Another segment follows; at the end: there is none at all. */
interface GoesOn {
  readonly kind: 'goesOn';
}

const goesOn: GoesOn = { kind: 'goesOn' };

/** What reading the segments of a directory came to. No byte was changed. */
export interface Examination {
  /** The segments' paths, ascending, those of the damage and behind it included. */
  readonly paths: readonly string[];
  readonly segments: Segment[];
  /** The segment read last, open, for the caller to close; null: there is none. */
  readonly file: StorageFile | null;
  /** The chain hash of the last valid record. */
  readonly chain: Uint8Array;
  /** The LSN behind the last valid record; null: nothing was read. */
  readonly nextLsn: Lsn | null;
  readonly records: number;
  readonly bytes: number;
  readonly end: LogEnd;
}

/** Reads and verifies the segments of a directory in order, up to the end or to damage. */
export async function examineSegments(options: ExamineOptions): Promise<Examination> {
  const examiner = new Examiner(options);
  try {
    return await examiner.run();
  } catch (error) {
    await examiner.abandon();
    throw error;
  }
}

class Examiner {
  readonly #options: ExamineOptions;
  readonly #segments: Segment[] = [];
  /**
   * The chain hash of the last record read. Neither it nor `#nextLsn`, which is null then, is known
   * after a segment that was not read.
   */
  readonly #chain = new Uint8Array(chainBytes);
  #nextLsn: Lsn | null = null;
  /** The segment read last, open. */
  #file: StorageFile | null = null;
  #records = 0;
  #bytes = 0;

  constructor(options: ExamineOptions) {
    this.#options = options;
  }

  async run(): Promise<Examination> {
    const { storage, directory } = this.#options;
    const names = (await storage.list(directory)).filter((name) => firstLsnOfName(name) !== null);
    const paths = [...names].sort().map((name) => join(directory, name));
    let end: LogEnd = goesOn;
    for (let i = 0; i < paths.length && end.kind !== 'damaged'; i++) {
      end = await this.#read(paths[i] as string, paths[i + 1] ?? null);
    }
    return {
      paths,
      segments: this.#segments,
      file: this.#file,
      chain: this.#chain,
      nextLsn: this.#nextLsn,
      records: this.#records,
      bytes: this.#bytes,
      end,
    };
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => {});
  }

  async #read(path: string, nextPath: string | null): Promise<LogEnd> {
    const named = firstLsnOfName(basename(path)) as Lsn;
    const file = await this.#open(path);
    const size = await file.size();
    const expected = this.#nextLsn;
    const damaged = (reason: string, lsn: Lsn, offset = 0): LogEnd => ({
      kind: 'damaged',
      damage: { segmentPath: path, offset, lsn, reason },
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
      return goesOn;
    }
    const scan = await scanSegment(file, segment, size, this.#chain, (lsn, payload) => {
      this.#records++;
      return lsn < this.#options.replayFrom
        ? undefined
        : this.#options.onRecord(lsn, payload, this.#chain);
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
        return { kind: 'whole', file, segment, size, scan, remainingBytes: remains.bytes };
      }
      const reason = `its checksum does not hold, and record ${remains.proof.lsn} behind it says that it was durable`;
      return damaged(reason, scan.nextLsn, scan.end);
    }
    return remains.bytes === 0 || scan.stop === 'sealed'
      ? goesOn
      : damaged(
          'its checksum does not hold, and it is not in the last segment',
          scan.nextLsn,
          scan.end,
        );
  }

  /** Opens a segment in place of the one that is open. */
  async #open(path: string): Promise<StorageFile> {
    await this.#file?.close();
    this.#file = null;
    this.#file = await this.#options.storage.open(path);
    return this.#file;
  }
}

async function readHeader(file: StorageFile, size: number): Promise<SegmentHeader | string> {
  const bytes = Buffer.alloc(Math.min(size, segmentHeaderBytes));
  await file.read(bytes, 0);
  return decodeSegmentHeader(bytes);
}
