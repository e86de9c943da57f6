import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Block } from './block.ts';

/** A block whose bytes lie on disk. */
export interface SpooledBlock {
  readonly path: string;
  readonly byteLength: number;
}

/**
 * Blocks that memory has no room for, a file each. Nothing here is ever needed after a restart:
 * the log offers it again. So files are not synced, and what lies about at start is discarded.
 */
export class Spool {
  readonly #directory: string;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  async write(block: Block): Promise<SpooledBlock> {
    const path = this.#nextPath();
    const file = await open(path, 'wx', 0o600);
    try {
      for (const part of block.parts()) await file.write(part);
    } finally {
      await file.close();
    }
    return { path, byteLength: block.byteLength };
  }

  /** Holds up the caller; for when writing in the background cannot keep up. */
  writeNow(block: Block): SpooledBlock {
    const path = this.#nextPath();
    const file = openSync(path, 'wx', 0o600);
    try {
      for (const part of block.parts()) {
        for (let at = 0; at < part.byteLength; ) at += writeSync(file, part, at);
      }
    } finally {
      closeSync(file);
    }
    return { path, byteLength: block.byteLength };
  }

  read(block: SpooledBlock): Readable {
    return createReadStream(block.path, { highWaterMark: 1 << 20 });
  }

  remove(block: SpooledBlock): void {
    rmSync(block.path, { force: true });
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #nextPath(): string {
    this.#count += 1;
    return join(this.#directory, `block-${this.#count}.arrows`);
  }
}
