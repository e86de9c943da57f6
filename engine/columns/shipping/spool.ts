import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { checksum } from '../../disk/checksum.ts';
import type { Storage } from '../../disk/storage.ts';
import { writeWhole } from '../../disk/whole-file.ts';
import { removeIfThere } from '../../log/segment-files.ts';
import type { Block } from './block.ts';

/** A file of the spool: its name, length and CRC-32. */
export interface SpoolFile {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
}

/**
 * Blocks on disk, a file each: those that memory has no room for, and those that a checkpoint keeps
 * because ClickHouse does not have them yet. Only the latter are synced, and outlive the process.
 */
export class Spool {
  readonly #storage: Storage;
  readonly #directory: string;
  /** Durable, their names included. */
  readonly #synced = new Set<string>();
  readonly #removals = new Set<Promise<void>>();

  static async open(storage: Storage, directory: string): Promise<Spool> {
    await storage.makeDirectory(directory);
    return new Spool(storage, directory);
  }

  private constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  async write(name: string, block: Block): Promise<SpoolFile> {
    await writeWhole(this.#storage, this.#path(name), block.parts());
    const crc = await checksum(block.parts());
    return { name, bytes: block.byteLength, crc };
  }

  /**
   * Holds up the caller; for when writing in the background cannot keep up. The storage port has no
   * such call, so this one goes to the file system itself.
   */
  writeNow(name: string, block: Block): SpoolFile {
    const file = openSync(this.#path(name), 'w', 0o640);
    let crc = 0;
    try {
      for (const part of block.parts()) {
        for (let at = 0; at < part.byteLength; ) at += writeSync(file, part, at);
        crc = crc32(part, crc);
      }
    } finally {
      closeSync(file);
    }
    return { name, bytes: block.byteLength, crc };
  }

  /** Makes the file durable; its name is so after `syncNames`. */
  async sync({ name }: SpoolFile): Promise<void> {
    if (this.#synced.has(name)) return;
    const file = await this.#storage.open(this.#path(name));
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    this.#synced.add(name);
  }

  syncNames(): Promise<void> {
    return this.#storage.syncDirectory(this.#directory);
  }

  pathOf({ name }: SpoolFile): string {
    return this.#path(name);
  }

  read({ name, bytes }: SpoolFile): Readable {
    return Readable.from(piecesOf(this.#storage, this.#path(name), bytes), { objectMode: true });
  }

  /** In the background; a file that a crash keeps from being removed is discarded at the next start. */
  remove({ name }: SpoolFile): void {
    this.#synced.delete(name);
    const removal = removeIfThere(this.#storage, this.#path(name))
      .catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** At start: `kept` lie here durably, everything else is of no use any more. */
  async discardOthers(kept: readonly SpoolFile[]): Promise<void> {
    for (const { name } of kept) this.#synced.add(name);
    for (const name of await this.#storage.list(this.#directory)) {
      if (!this.#synced.has(name)) await this.#storage.remove(this.#path(name));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Whether every byte is as it was written. */
export async function isWhole(
  storage: Storage,
  directory: string,
  file: SpoolFile,
): Promise<boolean> {
  let crc = 0;
  let bytes = 0;
  try {
    for await (const piece of piecesOf(storage, join(directory, file.name), file.bytes)) {
      crc = crc32(piece, crc);
      bytes += piece.byteLength;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  return bytes === file.bytes && crc === file.crc;
}

async function* piecesOf(storage: Storage, path: string, bytes: number): AsyncGenerator<Buffer> {
  const file = await storage.open(path);
  try {
    for (let at = 0; at < bytes; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes - at));
      const read = await file.read(piece, at);
      if (read === 0) return;
      yield piece.subarray(0, read);
      at += read;
    }
  } finally {
    await file.close();
  }
}

const pieceBytes = 1 << 20;
