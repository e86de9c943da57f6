import { crc32 } from 'node:zlib';
import type { KeptBacklog } from '../columns/shipping/kept-backlog.ts';
import { asLsn, type Lsn } from '../position.ts';

/** A file of a checkpoint: its name, length and CRC-32. */
export interface CheckpointFile {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
}

/** What a checkpoint consists of; files may be shared with the one before. */
export interface CheckpointManifest {
  readonly format: 3;
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
  readonly views: CheckpointFile;
  /** What the column store lacked of this prefix; its files lie in the column store's spool. */
  readonly backlog: KeptBacklog;
}

export function filesOf(manifest: CheckpointManifest): CheckpointFile[] {
  const pages = manifest.tables.flatMap((table) => table.pages.map((page) => page.file));
  const forgotten = manifest.forgotten ? [manifest.forgotten] : [];
  return [...pages, manifest.sessions, ...forgotten, ...manifest.ledgers, manifest.views];
}

/**
 * A manifest as a file, which says of its content what its content says of the other files: with
 * one flipped bit in its position a replay would begin a record too late, and none would miss it.
 *
 *     {"crc":3632233996,"checkpoint":{"format":3,"lsn":1042,…}}
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
  const manifest = JSON.parse(covered.toString('utf8')) as CheckpointManifest;
  if (manifest.format !== 3) return `its manifest is of format ${manifest.format}, not 3`;
  return manifest.lsn === lsn ? manifest : `its manifest is that of position ${manifest.lsn}`;
}

/** Without a checksum, as it was once written: what the content and the names say must agree. */
function decodeFormat2(lsn: Lsn, bytes: Uint8Array): CheckpointManifest | string {
  try {
    const text = Buffer.from(bytes).toString('utf8');
    const before = JSON.parse(text) as Omit<CheckpointManifest, 'format'> & { format: number };
    if (before.format !== 2) return unreadable;
    const manifest: CheckpointManifest = { ...before, format: 3 };
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
