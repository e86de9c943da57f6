import type { Storage, StorageFile } from '../../engine/disk/storage.ts';

/**
 * A storage whose writes or syncs wait for `release`. Writes that waited, and all after them, are
 * counted and thrown away, so that a test may pile them up.
 */
export class GatedStorage implements Storage {
  readonly makeDirectory: Storage['makeDirectory'];
  readonly list: Storage['list'];
  readonly rename: Storage['rename'];
  readonly remove: Storage['remove'];
  readonly syncDirectory: Storage['syncDirectory'];
  readonly identify: Storage['identify'];
  readonly lock: Storage['lock'];
  /** A write was said to be done and was not: files are longer than they are. */
  #hasPretended = false;
  readonly #inner: Storage;
  readonly #gates = new Map<'write' | 'sync', Promise<void>>();
  #open: () => void = () => {};

  constructor(inner: Storage) {
    this.#inner = inner;
    this.makeDirectory = (path) => inner.makeDirectory(path);
    this.list = (path) => inner.list(path);
    this.rename = (from, to) => inner.rename(from, to);
    this.remove = (path) => inner.remove(path);
    this.syncDirectory = (path) => inner.syncDirectory(path);
    this.identify = (path) => inner.identify(path);
    this.lock = (path) => inner.lock(path);
  }

  hold(call: 'write' | 'sync'): void {
    this.#gates.set(
      call,
      new Promise((open) => {
        this.#open = open;
      }),
    );
  }

  release(): void {
    this.#open();
  }

  async create(path: string): Promise<StorageFile> {
    return this.#gated(await this.#inner.create(path));
  }

  async open(path: string): Promise<StorageFile> {
    return this.#gated(await this.#inner.open(path));
  }

  #gated(file: StorageFile): StorageFile {
    return {
      path: file.path,
      identity: () => file.identity(),
      size: () => file.size(),
      sizeNow: () => (this.#hasPretended ? Number.MAX_SAFE_INTEGER : file.sizeNow()),
      read: (target, offset) => file.read(target, offset),
      write: async (parts, offset) => {
        if (!this.#gates.has('write')) return file.write(parts, offset);
        await this.#gates.get('write');
        this.#hasPretended = true;
        return parts.reduce((sum, part) => sum + part.byteLength, 0);
      },
      writeThrough: (parts, offset) => file.writeThrough(parts, offset),
      sync: async () => {
        await this.#gates.get('sync');
        return file.sync();
      },
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  }
}
