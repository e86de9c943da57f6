import { basename } from 'node:path';
import type { Storage, StorageFile } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import type { Timers } from '../time/timers.ts';
import type { Segment } from './segment.ts';

/** A file system's clock may move in steps of some milliseconds: two changes may look like one. */
const stepMsMax = 100;

/**
 * Whether the log's files are still where a next start will look for them. A file that was deleted,
 * or whose directory was moved, is written and synced without an error, and gone with the process.
 *
 * One question to the file system a check: which directory the path leads to, and whether any name
 * in it has changed since all segments were seen there. Only when one has, they are looked at again.
 * A file cut short changes no name: lengths are asked for besides.
 */
export class LogPresence {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #timers: Timers;
  #directoryId: string | null = null;
  readonly #segmentIds = new Map<string, string>();
  /** How many measurements were made: the next one is of the next segment. */
  #measurements = 0;
  /** How the directory stood when all was found there; null: that has to be looked at again. */
  #proven: string | null = null;
  /** The state looked at last, and since when the directory has been in it. */
  #seen: { readonly changed: string; readonly sinceMs: number } | null = null;

  constructor(storage: Storage, directory: string, timers: Timers) {
    this.#storage = storage;
    this.#directory = directory;
    this.#timers = timers;
  }

  /**
   * Rejects with `UNAVAILABLE` where a segment is gone or another file has its name. `segments` tells
   * the log's at the time it is called, without one that is just being dropped; `file` is the last.
   */
  async check(segments: () => readonly Segment[], file: StorageFile): Promise<void> {
    const found = await this.#identify(this.#directory);
    this.#directoryId ??= found?.id ?? null;
    if (found === null || found.id !== this.#directoryId) throw gone(this.#directory, found);
    if (found.changed === this.#proven) return;
    if (this.#seen?.changed !== found.changed) {
      this.#seen = { changed: found.changed, sinceMs: this.#timers.now() };
    }
    const isSettled = this.#timers.now() - this.#seen.sinceMs > stepMsMax;
    await this.#look(segments, file);
    if (isSettled) this.#proven = found.changed;
  }

  /**
   * Rejects with `UNAVAILABLE` where a segment is shorter than its records. Each call measures the
   * next of those before the last, which the log's writer measures itself.
   */
  async measureNext(segments: () => readonly Segment[]): Promise<void> {
    const older = segments().slice(0, -1);
    const segment = older[this.#measurements++ % older.length];
    if (segment === undefined) return;
    const found = await this.#identify(segment.path);
    // One that was dropped meanwhile is not missed.
    if (found === null || found.bytes >= segment.end || !segments().includes(segment)) return;
    throw shortened(segment.path, found.bytes, segment.end);
  }

  async #look(segments: () => readonly Segment[], file: StorageFile): Promise<void> {
    const names = new Set(await this.#storage.list(this.#directory));
    const ids = new Map<string, string | null>();
    for (const { path } of segments()) {
      const found = names.has(basename(path)) ? await this.#identify(path) : null;
      ids.set(path, found?.id ?? null);
    }
    const openId = await file.identity();
    // The segments are asked for again: one that was dropped meanwhile is not missed.
    for (const { path } of segments()) {
      const id = ids.get(path);
      if (id === undefined) continue;
      const known = path === file.path ? openId : (this.#segmentIds.get(path) ?? id);
      if (id === null || id !== known) throw gone(path, id);
      this.#segmentIds.set(path, id);
    }
  }

  async #identify(path: string) {
    try {
      return await this.#storage.identify(path);
    } catch (error) {
      throw unreadable(path, error);
    }
  }
}

function gone(path: string, found: unknown): EngineError {
  const what = found === null ? 'is gone' : 'is another one than this server has opened';
  return lost(`${path} ${what}`, path);
}

/** A segment that has lost bytes that were acknowledged. */
export function shortened(path: string, bytes: number, bytesWritten: number): EngineError {
  return lost(`${path} is ${bytes} bytes long, of ${bytesWritten} that were written to it`, path);
}

function unreadable(path: string, error: unknown): EngineError {
  const { code, message } = error as NodeJS.ErrnoException;
  return lost(`${path} cannot be looked at (${code ?? message})`, path);
}

function lost(what: string, path: string): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `the log acknowledges nothing more: ${what}, so what is written now would be lost. Put back what was moved, or restore a backup, and start again`,
    { details: { path } },
  );
}
