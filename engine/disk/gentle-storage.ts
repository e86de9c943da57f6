import type { Storage, StorageFile } from './storage.ts';

/** Node has four threads for files, and a sync takes one for milliseconds: one stays free. */
const syncsMax = 3;

/**
 * Wraps a storage for work in the background: however many files are on their way, few syncs run at
 * a time, so that the log finds a free thread and a disk without a long queue.
 */
export function gentleStorage(storage: Storage): Storage {
  const gate = new Gate(syncsMax);
  const gentle = (file: StorageFile): StorageFile => ({
    path: file.path,
    identity: () => file.identity(),
    size: () => file.size(),
    sizeNow: () => file.sizeNow(),
    read: (target, offset) => file.read(target, offset),
    write: (parts, offset) => file.write(parts, offset),
    writeThrough: (parts, offset) => gate.pass(() => file.writeThrough(parts, offset)),
    sync: () => gate.pass(() => file.sync()),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  });
  return {
    makeDirectory: (path) => storage.makeDirectory(path),
    list: (directory) => storage.list(directory),
    create: async (path, access) => gentle(await storage.create(path, access)),
    open: async (path) => gentle(await storage.open(path)),
    rename: (from, to) => storage.rename(from, to),
    remove: (path) => storage.remove(path),
    syncDirectory: (path) => storage.syncDirectory(path),
    identify: (path) => storage.identify(path),
    lock: (directory) => storage.lock(directory),
  };
}

/** Lets so many through at a time, in the order they come. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
