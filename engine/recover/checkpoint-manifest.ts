import { crc32 } from 'node:zlib';
import type { RulingsState } from '../access/ruling.ts';
import type { KeptBacklog } from '../columns/shipping/kept-backlog.ts';
import { asLsn, type Lsn } from '../model/position.ts';
import type { ViewStamp } from '../views/checkpoint/view-checkpoint.ts';

/** A file of a checkpoint: its name, length and CRC-32. */
export interface CheckpointFile {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
}

/** What a checkpoint consists of; files may be shared with the one before. */
export interface CheckpointManifest {
  readonly format: 5;
  readonly lsn: Lsn;
  readonly tables: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly slotCount: number;
    readonly pages: readonly { readonly page: number; readonly file: CheckpointFile }[];
  }[];
  readonly sessions: CheckpointFile;
  /** Which answers of `ledgers` are no longer known; absent: all still are. */
  readonly forgotten?: CheckpointFile;
  /** The ledger files in order; each holds what the ones before lack. */
  readonly ledgers: readonly CheckpointFile[];
  readonly firstVerdicts: VerdictFiles;
  readonly views: ViewFiles;
  /** What was ruled about access; absent: nothing. */
  readonly rulings?: RulingsState;
  /** What the column store lacked of this prefix; its files lie in the column store's spool. */
  readonly backlog: KeptBacklog;
}

/** The first verdicts of actions that are answered once: a file a block, in order. */
export interface VerdictFiles {
  /** The number of the oldest entry, which the first block may hold others before. */
  readonly first: number;
  readonly blocks: readonly {
    readonly number: number;
    readonly entries: number;
    readonly file: CheckpointFile;
  }[];
}

/** The group views in parts, each cut into chunks of so many rows: a file a chunk, in order. */
export interface ViewFiles {
  /** The digest of the definitions of the views of actions and events. */
  readonly definitions: string;
  /** When each group view of actions and events was last changed by a commit, in their order. */
  readonly stamps: readonly number[];
  /** When the newest change of each view of live rows was committed; those views have no parts. */
  readonly rowStamps: readonly ViewStamp[];
  readonly chunkRows: number;
  readonly parts: readonly {
    readonly part: string;
    readonly rows: number;
    readonly chunks: readonly CheckpointFile[];
  }[];
}

export function filesOf(manifest: CheckpointManifest): CheckpointFile[] {
  const pages = manifest.tables.flatMap((table) => table.pages.map((page) => page.file));
  const forgotten = manifest.forgotten ? [manifest.forgotten] : [];
  const viewFiles = manifest.views.parts.flatMap(({ chunks }) => chunks);
  const verdictFiles = manifest.firstVerdicts.blocks.map(({ file }) => file);
  const { sessions, ledgers } = manifest;
  return [...pages, sessions, ...forgotten, ...ledgers, ...verdictFiles, ...viewFiles];
}

/**
 * A manifest as a file, which says of its content what its content says of the other files: with
 * one flipped bit in its position a replay would begin a record too late, and none would miss it.
 *
 *     {"crc":3632233996,"checkpoint":{"format":5,"lsn":1042,…}}
 *                                    └────────── crc ─────────┘
 */
export function encodeManifest(manifest: CheckpointManifest): Uint8Array {
  const content = Buffer.from(JSON.stringify(manifest), 'utf8');
  const opening = `{"crc":${crc32(content)},"checkpoint":`;
  return Buffer.concat([Buffer.from(opening), content, Buffer.from('}')]);
}

const envelope = /^\{"crc":(\d+),"checkpoint":(.*)\}$/s;

/** The manifest of the file named for `lsn`, if every byte is as it was written; else what is wrong. */
export function decodeManifest(lsn: Lsn, bytes: Uint8Array): CheckpointManifest | string {
  // One character a byte, so that the checksum is over the very bytes.
  const [, crc, content] = envelope.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  if (content === undefined) return 'its manifest cannot be read';
  const covered = Buffer.from(content, 'latin1');
  if (String(crc32(covered)) !== crc) return 'the checksum of its manifest does not hold';
  const manifest = JSON.parse(covered.toString('utf8')) as CheckpointManifest;
  if (manifest.format !== 5) return `its manifest is of format ${manifest.format}, not 5`;
  return manifest.lsn === lsn ? manifest : `its manifest is that of position ${manifest.lsn}`;
}

const namePattern = /^checkpoint-(\d{16})\.json$/;

/** The position that a file's name states, null where it is no manifest's name. */
export function lsnOfManifestName(name: string): Lsn | null {
  const lsn = Number(namePattern.exec(name)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(lsn) ? asLsn(lsn) : null;
}

export function manifestName(lsn: Lsn): string {
  return `checkpoint-${String(lsn).padStart(16, '0')}.json`;
}
