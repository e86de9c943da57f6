import {
  type BigIntStats,
  close,
  constants,
  fdatasync,
  fstat,
  fstatSync,
  fsync,
  ftruncate,
  open,
  read,
  readdir,
  rename,
  stat,
  unlink,
  writev,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { lockDirectory } from './directory-lock.ts';
import { makeDirectories } from './make-directories.ts';
import type { Storage, StorageFile, StorageLock } from './storage.ts';

const fs = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  fstat: promisify(fstat),
  fsync: promisify(fsync),
  ftruncate: promisify(ftruncate),
  open: promisify(open),
  readdir: promisify(readdir),
  rename: promisify(rename),
  unlink: promisify(unlink),
};

/**
 * Elsewhere than on Linux `O_DSYNC` may stop at the disk's cache, which Node's own sync calls flush.
 */
const writesThroughInOneCall = process.platform === 'linux';

/** Files of this machine, through Node's own asynchronous calls. */
export const nodeStorage: Storage = {
  async makeDirectory(path) {
    // A new directory is durable once the directory that names it is.
    for (const made of await makeDirectories(path)) await syncPath(dirname(made));
  },
  async list(directory) {
    const entries = await fs.readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  },
  async create(path, access) {
    const mode = access === 'private' ? 0o600 : 0o640;
    const fd = await fs.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, mode);
    return new NodeFile(path, fd);
  },
  async open(path) {
    return new NodeFile(path, await fs.open(path, constants.O_RDWR));
  },
  rename: fs.rename,
  remove: fs.unlink,
  syncDirectory: syncPath,
  async identify(path) {
    const found = await statOrNull(path);
    if (found === null) return null;
    return { id: idOf(found), changed: String(found.ctimeNs), bytes: Number(found.size) };
  },
  lock(directory: string): Promise<StorageLock> {
    return lockDirectory(directory);
  },
};

function statOrNull(path: string): Promise<BigIntStats | null> {
  return new Promise((done, failed) => {
    stat(path, { bigint: true }, (error, found) => {
      if (error === null) done(found);
      else if (error.code === 'ENOENT' || error.code === 'ENOTDIR') done(null);
      else failed(error);
    });
  });
}

function idOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

async function syncPath(path: string): Promise<void> {
  const fd = await fs.open(path, constants.O_RDONLY);
  try {
    await fs.fsync(fd);
  } finally {
    await fs.close(fd);
  }
}

class NodeFile implements StorageFile {
  readonly path: string;
  readonly #fd: number;
  /** A second descriptor whose writes sync what they write, and only that. */
  #throughFd: number | null = null;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  identity(): Promise<string> {
    return new Promise((done, failed) => {
      fstat(this.#fd, { bigint: true }, (error, found) => {
        if (error) failed(error);
        else done(idOf(found));
      });
    });
  }

  async size(): Promise<number> {
    return (await fs.fstat(this.#fd)).size;
  }

  sizeNow(): number {
    return fstatSync(this.#fd).size;
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < target.byteLength) {
      const bytes = await this.#readOnce(target, done, offset + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  write(parts: readonly Uint8Array[], offset: number): Promise<number> {
    return writeOnce(this.#fd, parts, offset);
  }

  async writeThrough(parts: readonly Uint8Array[], offset: number): Promise<number> {
    if (!writesThroughInOneCall) {
      const written = await writeOnce(this.#fd, parts, offset);
      await fs.fdatasync(this.#fd);
      return written;
    }
    this.#throughFd ??= await fs.open(this.path, constants.O_WRONLY | constants.O_DSYNC);
    return writeOnce(this.#throughFd, parts, offset);
  }

  sync(): Promise<void> {
    return fs.fdatasync(this.#fd);
  }

  truncate(size: number): Promise<void> {
    return fs.ftruncate(this.#fd, size);
  }

  async close(): Promise<void> {
    if (this.#throughFd !== null) await fs.close(this.#throughFd);
    this.#throughFd = null;
    await fs.close(this.#fd);
  }

  #readOnce(target: Uint8Array, from: number, offset: number): Promise<number> {
    return new Promise((done, failed) => {
      read(this.#fd, target, from, target.byteLength - from, offset, (error, bytes) => {
        if (error) failed(error);
        else done(bytes);
      });
    });
  }
}

function writeOnce(fd: number, parts: readonly Uint8Array[], offset: number): Promise<number> {
  return new Promise((done, failed) => {
    writev(fd, parts, offset, (error, bytes) => {
      if (error) failed(error);
      else done(bytes);
    });
  });
}
