import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Storage } from '../disk/storage.ts';
import { readExactly } from '../disk/whole-file.ts';
import type { Lsn } from '../model/position.ts';
import type { FirstVerdicts } from '../state/first-verdicts.ts';
import { loadPage } from '../state/load-rows.ts';
import { rowSystemColumns } from '../state/row-capture.ts';
import type { TitleState } from '../state/title-state.ts';
import { VerdictBlock, verdictBlockColumns } from '../state/verdict-block.ts';
import type { Projection } from '../tick/projection.ts';
import { aligned } from '../vectors/aligned.ts';
import { decodeArrow } from '../vectors/arrow/arrow-file.ts';
import { examineCheckpoints } from './checkpoint-directory.ts';
import {
  type CheckpointFile,
  type CheckpointManifest,
  filesOf,
  manifestName,
} from './checkpoint-manifest.ts';
import {
  decodeSessions,
  forgottenColumns,
  ledgerColumns,
  loadForgotten,
  loadLedger,
  sessionColumns,
} from './session-file.ts';

export interface CheckpointSource {
  readonly storage: Storage;
  readonly directory: string;
}

/** The files of one whole, undamaged checkpoint. */
export interface FoundCheckpoint {
  readonly manifest: CheckpointManifest;
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

/**
 * The checkpoints up to a position of which every byte is as it was written, newest first.
 * `onDamaged` is told why others are left out.
 */
export async function* findCheckpoints(
  source: CheckpointSource,
  upToLsn: Lsn,
  onDamaged: (lsn: Lsn, reason: string) => void,
): AsyncGenerator<FoundCheckpoint> {
  const { storage, directory } = source;
  for (const { lsn, manifest } of await examineCheckpoints(storage, directory)) {
    if (lsn > upToLsn) continue;
    if (typeof manifest === 'string') {
      onDamaged(lsn, `${manifest} (${directory}/${manifestName(lsn)})`);
      continue;
    }
    const contents = await readContents(storage, directory, manifest);
    if (typeof contents !== 'string') yield { manifest, contents };
    else onDamaged(lsn, contents);
  }
}

/** A file is four calls, each of which takes a turn of the event loop. */
const readsInFlightMax = 8;

/**
 * What the files hold, or a text that names the first that is not as it was written. All in one piece
 * of memory: many would make V8 collect everything time and again meanwhile.
 */
async function readContents(
  storage: Storage,
  directory: string,
  manifest: CheckpointManifest,
): Promise<Map<string, Uint8Array> | string> {
  const contents = new Map<string, Uint8Array>();
  const files = filesOf(manifest);
  const memory = new Uint8Array(files.reduce((bytes, file) => bytes + aligned(file.bytes), 0));
  let taken = 0;
  const waiting = files.values();
  const readOnes = async () => {
    for (const file of waiting) {
      const bytes = memory.subarray(taken, taken + file.bytes);
      taken += aligned(file.bytes);
      const path = `${directory}/${file.name}`;
      const isThere = await readExactly(storage, path, bytes).catch(() => false);
      if (isThere && crc32(bytes) === file.crc) contents.set(file.name, bytes);
    }
  };
  await Promise.all(Array.from({ length: readsInFlightMax }, readOnes));
  const damaged = files.filter(({ name }) => !contents.has(name)).map(({ name }) => name);
  const [first, ...others] = damaged;
  if (first === undefined) return contents;
  const more = others.length === 0 ? '' : `, and ${others.length} of its other files`;
  return `${directory}/${first} is damaged or gone${more}`;
}

/**
 * Loads rows, sessions and retry answers into an empty projection. The views have been loaded from
 * the same checkpoint before (`restoreViews`): they alone may refuse it.
 */
export async function loadCheckpoint(
  projection: Projection,
  found: FoundCheckpoint,
): Promise<void> {
  const { manifest } = found;
  if (manifest.rulings) projection.rulings.restore(manifest.rulings);
  for (const part of manifest.tables) await loadTable(projection.state, part, found);
  const sessions = decodeArrow(bytesOf(found, manifest.sessions), sessionColumns);
  for (const session of decodeSessions(sessions, projection.answerMemory)) {
    projection.sessions.set(session.sessionId, session);
  }
  if (manifest.forgotten) {
    const forgotten = decodeArrow(bytesOf(found, manifest.forgotten), forgottenColumns);
    loadForgotten(projection.sessions, forgotten);
  }
  for (const file of manifest.ledgers) {
    loadLedger(projection.sessions, decodeArrow(bytesOf(found, file), ledgerColumns));
  }
  await loadVerdicts(projection.firstVerdicts, found);
}

async function loadTable(
  state: TitleState,
  part: CheckpointManifest['tables'][number],
  found: FoundCheckpoint,
): Promise<void> {
  const table = state.tables.get(part.table);
  if (!table) throw new RangeError(`the manifest lacks the table "${part.table}"`);
  const declared = part.columns.map((name) => {
    const layout = table.layout.columns.find((column) => column.column.name === name);
    if (!layout) throw new RangeError(`the manifest lacks the column "${part.table}.${name}"`);
    return layout.column;
  });
  for (const { page, file } of part.pages) {
    const vectors = decodeArrow(bytesOf(found, file), [...rowSystemColumns, ...declared]);
    loadPage(table, page, vectors, found.manifest.lsn);
    // ClickHouse starts meanwhile, and waits for its next statement.
    await nextTurn();
  }
  table.pages.finishLoad(part.slotCount, (slot) => table.isAlive(slot));
}

async function loadVerdicts(verdicts: FirstVerdicts, found: FoundCheckpoint): Promise<void> {
  const { first, blocks } = found.manifest.firstVerdicts;
  verdicts.resume(first);
  for (const { file } of blocks) {
    const vectors = decodeArrow(bytesOf(found, file), verdictBlockColumns);
    verdicts.restore(VerdictBlock.of(vectors));
    await nextTurn();
  }
}

export function bytesOf(found: FoundCheckpoint, file: CheckpointFile): Uint8Array {
  const bytes = found.contents.get(file.name);
  if (!bytes) throw new RangeError(`the checkpoint lacks ${file.name}`);
  return bytes;
}
