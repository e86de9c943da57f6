import { crc32 } from 'node:zlib';
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
  readonly format: 4;
  readonly lsn: Lsn;
  readonly tables: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly slotCount: number;
    readonly pages: readonly { readonly page: number; readonly file: CheckpointFile }[];
  }[];
  readonly sessions: CheckpointFile;
  /** Of `ledgers`, what is no longer known; absent: nothing. */
  readonly forgotten?: CheckpointFile;
  /** In order; each holds what the ones before lack. */
  readonly ledgers: readonly CheckpointFile[];
  readonly views: ViewFiles | BinaryViews;
  /** What the column store lacked of this prefix; its files lie in the column store's spool. */
  readonly backlog: KeptBacklog;
}

/** The group views in parts, each cut into chunks of so many rows: a file a chunk, in order. */
export interface ViewFiles {
  readonly kind: 'arrow';
  /** Of the views of actions and events, digested. */
  readonly definitions: string;
  /** By group view, when the newest change was committed. */
  readonly stamps: readonly number[];
  /** The same of views of live rows, which have no parts; absent: there are none. */
  readonly rowStamps?: readonly ViewStamp[];
  readonly chunkRows: number;
  readonly parts: readonly {
    readonly part: string;
    readonly rows: number;
    readonly chunks: readonly CheckpointFile[];
  }[];
}

/** All of it in one file of its own kind, as up to format 3. */
export interface BinaryViews {
  readonly kind: 'binary';
  readonly file: CheckpointFile;
}

export function filesOf(manifest: CheckpointManifest): CheckpointFile[] {
  const pages = manifest.tables.flatMap((table) => table.pages.map((page) => page.file));
  const forgotten = manifest.forgotten ? [manifest.forgotten] : [];
  return [...pages, manifest.sessions, ...forgotten, ...manifest.ledgers, ...viewFiles(manifest)];
}

function viewFiles({ views }: CheckpointManifest): CheckpointFile[] {
  return views.kind === 'binary' ? [views.file] : views.parts.flatMap(({ chunks }) => chunks);
}

/**
 * A manifest as a file, which says of its content what its content says of the other files: with
 * one flipped bit in its position a replay would begin a record too late, and none would miss it.
 *
 *     {"crc":3632233996,"checkpoint":{"format":4,"lsn":1042,…}}
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
  if (content === undefined) return decodeFormat2(lsn, bytes);
  const covered = Buffer.from(content, 'latin1');
  if (String(crc32(covered)) !== crc) return 'the checksum of its manifest does not hold';
  const written = JSON.parse(covered.toString('utf8')) as CheckpointManifest | ManifestBefore;
  const manifest = written.format === 3 ? withBinaryViews(written) : written;
  if (manifest.format !== 4) return `its manifest is of format ${manifest.format}, not 4`;
  return manifest.lsn === lsn ? manifest : `its manifest is that of position ${manifest.lsn}`;
}

/** As it was up to format 3. */
type ManifestBefore = Omit<CheckpointManifest, 'format' | 'views'> & {
  readonly format: 2 | 3;
  readonly views: CheckpointFile;
};

function withBinaryViews(before: ManifestBefore): CheckpointManifest {
  return { ...before, format: 4, views: { kind: 'binary', file: before.views } };
}

/** Without a checksum, as it was once written: what the content and the names say must agree. */
function decodeFormat2(lsn: Lsn, bytes: Uint8Array): CheckpointManifest | string {
  try {
    const text = Buffer.from(bytes).toString('utf8');
    const before = JSON.parse(text) as ManifestBefore;
    if (before.format !== 2) return unreadable;
    const manifest = withBinaryViews(before);
    const isNamed = manifest.tables.every(({ table, pages }) =>
      pages.every(({ page, file }) => file.name.startsWith(`rows-${table}-${page}-`)),
    );
    const blocks = manifest.backlog.flatMap((kept) => kept.blocks.map(({ file }) => file));
    const isTyped = [...filesOf(manifest), ...blocks].every(
      ({ name, bytes, crc }) => typeof name === 'string' && bytes >= 0 && crc >= 0,
    );
    const isOfLsn = manifest.lsn === lsn && manifest.sessions.name === `sessions-${lsn}.arrow`;
    return isNamed && isTyped && isOfLsn ? manifest : 'its manifest contradicts the names of files';
  } catch {
    return unreadable;
  }
}

const unreadable = 'its manifest cannot be read';

const namePattern = /^checkpoint-(\d{16})\.json$/;

/** The position that a file's name states, null where it is no manifest's name. */
export function lsnOfManifestName(name: string): Lsn | null {
  const lsn = Number(namePattern.exec(name)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(lsn) ? asLsn(lsn) : null;
}

export function manifestName(lsn: Lsn): string {
  return `checkpoint-${String(lsn).padStart(16, '0')}.json`;
}
