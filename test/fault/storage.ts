import { posix } from 'node:path';
import type { PathIdentity, Storage, StorageFile, StorageLock } from '../../engine/disk/storage.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { seededRandom } from './seeded-random.ts';
import { FaultyContent } from './storage-content.ts';
import { FaultyFile, systemError } from './storage-file.ts';

/** What a call does; `any` in a fault means every one of them. */
export type StorageCall =
  | 'makeDirectory'
  | 'list'
  | 'create'
  | 'open'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'writeThrough'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'
  | 'lock';

/**
 * A fault happens once, at the first call that fits: of the kind `call`, on a path that contains
 * `path`, numbered `at` or later (`FaultyStorage.calls` counts from 1).
 *
 * - `crash`: the machine stops `before` the call, `during` it (any part of what it does may have
 *   happened) or `after` it, and the call never succeeds. All later calls fail until `restart`.
 * - `error`: the call fails with the code. A failed sync drops what it could not write, as Linux
 *   does: the pages look clean, reads show them, and no later sync brings them to the disk. A
 *   failed write may have written a part.
 * - `short`: a write writes only so many bytes and says so.
 */
export type Fault = {
  readonly call?: StorageCall | 'any';
  readonly path?: string;
  readonly at?: number;
} & (
  | { readonly kind: 'crash'; readonly moment: 'before' | 'during' | 'after' }
  | { readonly kind: 'error'; readonly code: 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EACCES' }
  | { readonly kind: 'short'; readonly bytes: number }
);

export interface FaultyStorageOptions {
  /** Decides what survives a power failure; print it when a test fails. */
  readonly seed?: number;
  readonly faults?: readonly Fault[];
  /** Bytes of all files together; past it writes stop short, then fail with `ENOSPC`. */
  readonly capacityBytes?: number;
  /** What reaches the disk as one; default 512. 1 tears writes at any byte. */
  readonly sectorBytes?: number;
  /** Told of every call before it is done, to let something happen just then. */
  readonly onCall?: (call: StorageCall, path: string, number: number) => void;
}

/** Every call after a crash rejects with this: the process that made it is no more. */
export class StorageCrashed extends Error {
  override readonly name = 'StorageCrashed';
}

interface DirectoryChange {
  readonly directory: string;
  readonly apply: (names: Map<string, FaultyContent>) => void;
}

/**
 * Files in memory behind the storage port, with the faults a real disk has.
 *
 * It keeps apart what programs see and what the disk holds. A write, a truncation, a new name are
 * seen at once; they are on the disk after `sync`, `writeThrough`, `syncDirectory`. On a power
 * failure each change that was not synced, a write sector by sector, survives or not by a throw of
 * the seeded dice, so writes are torn and reordered in every way that a disk may.
 *
 * A crash test, for a workload that runs on any `Storage`:
 *
 *     const calls = await countCalls();            // run once without faults: storage.calls
 *     for (let at = 1; at <= calls; at++) {
 *       const storage = new FaultyStorage({ seed: at, faults: [{ kind: 'crash', moment: 'during', at }] });
 *       await workload(storage).catch(() => {});   // note what it was told is durable
 *       storage.restart('power');                  // or 'process': what was written is all there
 *       // open again on the same storage and compare
 *     }
 */
export class FaultyStorage implements Storage {
  /** Calls made so far; the running one is included. */
  calls = 0;
  /** Looks made so far, which are no calls: `identify` and `identity`. */
  looks = 0;
  /** May be changed while the storage is in use. */
  capacityBytes: number;
  /** Resolves when the storage has crashed. Renewed by `restart`. */
  whenCrashed: Promise<void>;

  readonly #random: () => number;
  readonly #sectorBytes: number;
  readonly #onCall: FaultyStorageOptions['onCall'];
  #faults: Fault[];
  #seen = new Map<string, FaultyContent>();
  #durable = new Map<string, FaultyContent>();
  #directoryChanges: DirectoryChange[] = [];
  readonly #directories = new Set<string>(['/']);
  readonly #locks = new Set<string>();
  readonly #identities = new Map<FaultyContent | string, string>();
  #nextIdentity = 0;
  #nameChanges = 0;
  /** Counts restarts: a handle of an earlier life no longer works. */
  #life = 0;
  #crashed = false;
  #tellCrashed: () => void = () => {};

  constructor(options: FaultyStorageOptions = {}) {
    this.#random = seededRandom(options.seed ?? 1);
    this.#faults = [...(options.faults ?? [])];
    this.#sectorBytes = options.sectorBytes ?? 512;
    this.#onCall = options.onCall;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.whenCrashed = this.#crashPromise();
  }

  /** Adds a fault; one that names no call number waits for the next fitting call. */
  inject(fault: Fault): void {
    this.#faults.push(fault);
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  /** Stops everything here and now. */
  crash(): void {
    if (this.#crashed) return;
    this.#crashed = true;
    this.#tellCrashed();
  }

  /**
   * After a crash (or instead of one): a new process on the same files. `process`: the machine
   * lived on, everything written is there, though not all of it on the disk. `power`: what was not
   * synced is there by chance.
   */
  restart(after: 'process' | 'power'): void {
    if (after === 'power') this.#losePower();
    this.#life++;
    this.#crashed = false;
    this.#locks.clear();
    this.#faults = [];
    this.whenCrashed = this.#crashPromise();
  }

  /** The paths of all files, in order. */
  paths(): string[] {
    return [...this.#seen.keys()].sort();
  }

  /** What a program would read. */
  contentOf(path: string): Buffer {
    return this.#content(path).bytes();
  }

  /** Changes a file's content behind everybody's back, durably. */
  overwrite(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
    const content = this.#content(path);
    const bytes = content.bytes();
    content.replace(change(bytes) ?? bytes);
  }

  flipBit(path: string, offset: number, bit: number): void {
    this.overwrite(path, (bytes) => {
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
      return bytes;
    });
  }

  /** Removes files, or a directory with all below it, behind everybody's back. */
  takeAway(path: string): void {
    const isBelow = (at: string) => at === path || at.startsWith(`${path}/`);
    for (const directory of [...this.#directories].filter(isBelow)) {
      this.#directories.delete(directory);
      this.#identities.delete(directory);
    }
    for (const name of this.paths().filter(isBelow)) {
      this.#changeDirectory(name, (names) => names.delete(name));
    }
  }

  /** Puts an empty file in the place of another behind everybody's back. */
  replace(path: string): void {
    const content = new FaultyContent(this.#sectorBytes);
    this.#changeDirectory(path, (names) => names.set(path, content));
  }

  /** What looks and changes nothing is no call that a fault can hit. */
  async look<T>(life: number, run: () => T): Promise<T> {
    await null;
    if (this.#crashed || life !== this.#life) throw new StorageCrashed();
    this.looks++;
    return run();
  }

  identify(path: string): Promise<PathIdentity | null> {
    return this.look(this.#life, () => {
      const found = this.#directories.has(path) ? path : this.#seen.get(path);
      if (found === undefined) return null;
      const bytes = typeof found === 'string' ? 0 : found.size;
      return { id: this.idOf(found), changed: String(this.#nameChanges), bytes };
    });
  }

  idOf(what: FaultyContent | string): string {
    const known = this.#identities.get(what);
    if (known !== undefined) return known;
    this.#nextIdentity += 1;
    this.#identities.set(what, String(this.#nextIdentity));
    return String(this.#nextIdentity);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call('makeDirectory', path, () => {
      for (let at = path; at !== '/' && at !== '.'; at = posix.dirname(at)) {
        this.#directories.add(at);
      }
    });
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#call('list', directory, () => {
      if (!this.#directories.has(directory)) throw systemError('ENOENT', directory);
      return this.paths()
        .filter((path) => posix.dirname(path) === directory)
        .map((path) => posix.basename(path));
    });
  }

  create(path: string): Promise<StorageFile> {
    return this.#call('create', path, () => {
      if (!this.#directories.has(posix.dirname(path))) throw systemError('ENOENT', path);
      if (this.#seen.has(path)) throw systemError('EEXIST', path);
      const content = new FaultyContent(this.#sectorBytes);
      this.#changeDirectory(path, (names) => names.set(path, content));
      return new FaultyFile(this, path, content, this.#life);
    });
  }

  open(path: string): Promise<StorageFile> {
    return this.#call('open', path, () => {
      return new FaultyFile(this, path, this.#content(path), this.#life);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', from, () => {
      const content = this.#content(from);
      this.#changeDirectory(to, (names) => {
        if (names.get(from) === content) names.delete(from);
        names.set(to, content);
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.#call('remove', path, () => {
      const content = this.#content(path);
      this.#changeDirectory(path, (names) => {
        if (names.get(path) === content) names.delete(path);
      });
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call('syncDirectory', path, () => {
      for (const change of this.#directoryChanges) {
        if (change.directory === path) change.apply(this.#durable);
      }
      this.#directoryChanges = this.#directoryChanges.filter(({ directory }) => directory !== path);
    });
  }

  lock(directory: string): Promise<StorageLock> {
    return this.#call('lock', directory, () => {
      if (this.#locks.has(directory)) {
        throw new EngineError('UNAVAILABLE', `another process holds the log in ${directory}`);
      }
      this.#locks.add(directory);
      const life = this.#life;
      return {
        release: async () => {
          if (this.#life === life) this.#locks.delete(directory);
        },
      };
    });
  }

  /** Bytes that may still be written. */
  get freeBytes(): number {
    let used = 0;
    for (const content of this.#seen.values()) used += content.size;
    return Math.max(0, this.capacityBytes - used);
  }

  /**
   * Runs one call of the port under the faults; its files call it too. `partly` is what the call
   * leaves behind when the machine stops in the middle of it, or it fails. `life` is the one the
   * caller belongs to.
   */
  async perform<T>(
    call: StorageCall,
    path: string,
    life: number,
    run: (shortBytes: number | null) => T,
    partly: (why: 'crash' | 'error', random: () => number) => void,
  ): Promise<T> {
    // Like a real call it takes a while, and others may come in between.
    await null;
    if (this.#crashed || life !== this.#life) throw new StorageCrashed();
    this.calls++;
    this.#onCall?.(call, path, this.calls);
    const fault = this.#takeFault(call, path);
    if (fault?.kind === 'error') {
      partly('error', this.#random);
      throw systemError(fault.code, path);
    }
    if (fault?.kind === 'crash') {
      try {
        if (fault.moment === 'during') partly('crash', this.#random);
        if (fault.moment === 'after') run(null);
      } catch {
        // What the call itself would have failed with, nobody lives to hear.
      }
      this.crash();
      throw new StorageCrashed();
    }
    return run(fault?.kind === 'short' ? fault.bytes : null);
  }

  /** A call that is done as a whole or not at all. */
  #call<T>(call: StorageCall, path: string, run: () => T): Promise<T> {
    return this.perform(call, path, this.#life, run, (why, random) => {
      if (why === 'crash' && random() < 0.5) run();
    });
  }

  #takeFault(call: StorageCall, path: string): Fault | null {
    const index = this.#faults.findIndex((fault) =>
      (fault.call ?? 'any') === 'any' || fault.call === call
        ? path.includes(fault.path ?? '') && this.calls >= (fault.at ?? 0)
        : false,
    );
    return index < 0 ? null : (this.#faults.splice(index, 1)[0] ?? null);
  }

  #content(path: string): FaultyContent {
    const content = this.#seen.get(path);
    if (content === undefined) throw systemError('ENOENT', path);
    return content;
  }

  #changeDirectory(path: string, apply: (names: Map<string, FaultyContent>) => void): void {
    apply(this.#seen);
    this.#nameChanges += 1;
    this.#directoryChanges.push({ directory: posix.dirname(path), apply });
  }

  #losePower(): void {
    for (const change of this.#directoryChanges) {
      if (this.#random() < 0.5) change.apply(this.#durable);
    }
    this.#directoryChanges = [];
    for (const content of new Set([...this.#durable.values(), ...this.#seen.values()])) {
      content.losePower(this.#random);
    }
    this.#seen = new Map(this.#durable);
  }

  #crashPromise(): Promise<void> {
    return new Promise((tell) => {
      this.#tellCrashed = tell;
    });
  }
}
