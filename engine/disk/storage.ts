/**
 * The port through which the log (and whatever else must survive a crash) meets the disk.
 *
 * What an implementation promises:
 * - Nothing written is durable until `sync` or `writeThrough` has returned; until then any part of
 *   it may survive a power failure, in any order.
 * - A created, renamed or removed name is durable only after `syncDirectory`.
 * - Errors carry the operating system's `code` (`ENOSPC`, `EIO`, `ENOENT`, `EEXIST`).
 *
 * What callers must do: never retry a failed `sync`, and never believe a later one. The operating
 * system may have dropped the pages it could not write and call the next sync a success.
 */
export interface Storage {
  /** Makes the directory and its parents, durably. No error where it is there already. */
  makeDirectory(path: string): Promise<void>;
  /** Names of the files in a directory, in no order. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes an empty file, which none but its owner may read if it is `private`; `EEXIST` where there is one. */
  create(path: string, access?: 'private'): Promise<StorageFile>;
  /** Opens a file to read and write; `ENOENT` where there is none. */
  open(path: string): Promise<StorageFile>;
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** What a path leads to now; null where it leads to nothing. */
  identify(path: string): Promise<PathIdentity | null>;
  /**
   * Takes the directory for this process alone, until `release` or the process's end, however it
   * ends. Throws `UNAVAILABLE` when another holds it.
   */
  lock(directory: string): Promise<StorageLock>;
}

export interface PathIdentity {
  /** No two files or directories that exist at the same time have the same. */
  readonly id: string;
  /** A text that is another one once a name in the directory was made, removed or renamed. */
  readonly changed: string;
  /** The length of a file; of a directory it says nothing. */
  readonly bytes: number;
}

export interface StorageFile {
  readonly path: string;
  /** The `id` of the file that is open, whatever its path leads to by now. */
  identity(): Promise<string>;
  size(): Promise<number>;
  /** The size, at once: the system knows that of an open file without asking the disk. */
  sizeNow(): number;
  /** Bytes read into `target`; fewer than asked only at the end of the file. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** Hands `parts`, concatenated, to the operating system. May write fewer bytes: returns how many. */
  write(parts: readonly Uint8Array[], offset: number): Promise<number>;
  /** Like `write`, and what was written is durable on return. */
  writeThrough(parts: readonly Uint8Array[], offset: number): Promise<number>;
  /** Makes the file's content and length durable. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export interface StorageLock {
  release(): Promise<void>;
}

/** Repeats `write` until all is written. */
export async function writeFully(
  file: StorageFile,
  how: 'write' | 'writeThrough',
  parts: readonly Uint8Array[],
  offset: number,
): Promise<void> {
  let rest = parts.filter((part) => part.byteLength > 0);
  let at = offset;
  while (rest.length > 0) {
    const written = await file[how](rest, at);
    if (written <= 0) throw new Error(`a write of ${file.path} made no progress`);
    at += written;
    rest = withoutFirst(rest, written);
  }
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const part of parts) {
    if (skip >= part.byteLength) {
      skip -= part.byteLength;
    } else {
      rest.push(skip === 0 ? part : part.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

/** The disk or the quota is full: a write that failed for this alone may be undone and tried later. */
export function isOutOfRoom(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
