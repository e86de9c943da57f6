import { createHash, type Hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface ExportCopiesOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** Disk that all copies together may take. */
  readonly bytesMax?: number;
  /** Bytes that are free on the disk of a path. */
  readonly freeBytesAt?: (path: string) => Promise<number>;
}

/** The bytes of an export, whole and unchanging for as long as it is kept. */
export interface ExportCopy {
  readonly path: string;
  readonly bytes: number;
  /** A strong validator: other bytes have another. */
  readonly etag: string;
}

interface KeptCopy extends ExportCopy {
  /** Reads of it that run: it is not removed meanwhile. */
  reads: number;
}

const suffix = '.copy';
const draftSuffix = '.copy-draft';
const freeSpaceEveryBytes = 64 * 1024 * 1024;

/**
 * What the first whole read of an export sent, so that every later read gets the same bytes, in
 * parts where it asks for parts. ClickHouse itself cuts the same rows into other batches each time,
 * as its parts merge and its threads meet. The copies have a bound on disk; those read the longest
 * ago make room. A copy that cannot be made is done without: it is no reason for a read to fail.
 */
export class ExportCopies {
  readonly #options: ExportCopiesOptions;
  readonly #bytesMax: number;
  /** In the order of their last reads. */
  readonly #kept = new Map<string, KeptCopy>();
  /** Exports whose copy is being made. */
  readonly #drafted = new Set<string>();
  /** Exports that are too large to be copied. */
  readonly #uncopied = new Set<string>();
  #bytes = 0;

  constructor(options: ExportCopiesOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? servingLimits.exportCopiesBytesMax;
    this.#load();
  }

  /** The copy of an export; `release` must follow. Null where there is none. */
  use(id: string): ExportCopy | null {
    const copy = this.#kept.get(id);
    if (copy === undefined) return null;
    this.#kept.delete(id);
    this.#kept.set(id, copy);
    copy.reads += 1;
    return copy;
  }

  release(id: string): void {
    const copy = this.#kept.get(id);
    if (copy !== undefined) copy.reads -= 1;
  }

  /** Length and validator of the copy, where there is one. */
  peek(id: string): ExportCopy | null {
    return this.#kept.get(id) ?? null;
  }

  /**
   * Begins a copy of what a read is about to send; `end` must follow. Null where the export is too
   * large for one. Throws `UNAVAILABLE` while another read makes the copy: what this one would be
   * sent is not what that one is.
   */
  async begin(id: string): Promise<CopyDraft | null> {
    if (this.#uncopied.has(id)) return null;
    if (this.#drafted.has(id)) {
      throw new EngineError(
        'UNAVAILABLE',
        'this export is being read for the first time; it can be read by more than one once that is done',
        { retryAfterMs: 2_000 },
      );
    }
    this.#drafted.add(id);
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    const path = join(this.#options.directory, `${id}${draftSuffix}`);
    const draft = new CopyDraft(path, {
      bytesMax: this.#bytesMax,
      freeBytesAt: this.#options.freeBytesAt ?? freeBytesAt,
      failed: (error) =>
        this.#options.logger.warn({ error, path }, 'an export is sent without keeping a copy'),
    });
    await draft.open();
    return draft;
  }

  /** Ends the making of a copy, whatever came of it. */
  async end(id: string, draft: CopyDraft): Promise<void> {
    if (draft.isTooLarge) this.#uncopied.add(id);
    await draft.discard();
    this.#drafted.delete(id);
  }

  /** Keeps a draft whose last byte has been written, unless it came to nothing. */
  async keep(id: string, draft: CopyDraft): Promise<void> {
    const finished = await draft.finish();
    if (finished === null) return;
    const path = this.#pathOf(id, finished.hash);
    try {
      this.#makeRoom(finished.bytes);
      await rename(draft.path, path);
    } catch (error) {
      this.#options.logger.warn({ error, path }, 'the copy of an export cannot be kept');
      return;
    }
    const copy: KeptCopy = { path, bytes: finished.bytes, etag: `"${finished.hash}"`, reads: 0 };
    this.#drop(id);
    this.#kept.set(id, copy);
    this.#bytes += copy.bytes;
  }

  /** Removes the copy of an export that is no more. A read of it that runs goes on. */
  remove(id: string): void {
    this.#uncopied.delete(id);
    this.#drop(id);
  }

  #makeRoom(bytes: number): void {
    for (const [id, copy] of this.#kept) {
      if (this.#bytes + bytes <= this.#bytesMax) return;
      if (copy.reads === 0) this.#drop(id);
    }
  }

  #drop(id: string): void {
    const copy = this.#kept.get(id);
    if (copy === undefined) return;
    this.#kept.delete(id);
    this.#bytes -= copy.bytes;
    rmSync(copy.path, { force: true });
  }

  /** A copy's name holds its validator, so that one needs nothing beside the other. */
  #pathOf(id: string, hash: string): string {
    return join(this.#options.directory, `${id}.${hash}${suffix}`);
  }

  #load(): void {
    const { directory } = this.#options;
    if (!existsSync(directory)) return;
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name);
      if (name.endsWith(draftSuffix)) rmSync(path, { force: true });
      const [, id, hash] = /^([\w-]+)\.([\w-]+)\.copy$/.exec(name) ?? [];
      if (id === undefined || hash === undefined) continue;
      this.#drop(id);
      const { size: bytes } = statSync(path);
      this.#kept.set(id, { path, bytes, etag: `"${hash}"`, reads: 0 });
      this.#bytes += bytes;
    }
    this.#makeRoom(0);
  }

  /** Removes the copies of exports that are not known. */
  retain(isKnown: (id: string) => boolean): void {
    for (const id of [...this.#kept.keys()]) if (!isKnown(id)) this.#drop(id);
  }
}

interface CopyDraftOptions {
  readonly bytesMax: number;
  readonly freeBytesAt: (path: string) => Promise<number>;
  readonly failed: (error: unknown) => void;
}

/** A copy in the making: the bytes that are sent, as they are sent. */
export class CopyDraft {
  readonly path: string;
  readonly #options: CopyDraftOptions;
  readonly #hash: Hash = createHash('sha256');
  #file: FileHandle | null = null;
  #bytes = 0;
  #lookedAtBytes = 0;

  constructor(path: string, options: CopyDraftOptions) {
    this.path = path;
    this.#options = options;
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.#options.bytesMax;
  }

  async open(): Promise<void> {
    try {
      this.#file = await open(this.path, 'w', 0o600);
      await this.#requireFreeSpace();
    } catch (error) {
      await this.#giveUp(error);
    }
  }

  /** Never rejects: without room on disk the draft comes to nothing. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#file === null) return;
    try {
      this.#bytes += chunk.byteLength;
      if (this.isTooLarge) return await this.discard();
      if (this.#bytes - this.#lookedAtBytes > freeSpaceEveryBytes) await this.#requireFreeSpace();
      this.#hash.update(chunk);
      await writeWhole(this.#file, chunk);
    } catch (error) {
      await this.#giveUp(error);
    }
  }

  async finish(): Promise<{ readonly bytes: number; readonly hash: string } | null> {
    if (this.#file === null) return null;
    try {
      await this.#file.datasync();
      await this.#file.close();
      this.#file = null;
      return { bytes: this.#bytes, hash: this.#hash.digest('base64url') };
    } catch (error) {
      await this.#giveUp(error);
      return null;
    }
  }

  async discard(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => {});
    rmSync(this.path, { force: true });
  }

  async #giveUp(error: unknown): Promise<void> {
    await this.discard();
    this.#options.failed(error);
  }

  /** The log, whose writes are acknowledged, lies on the same disk as a rule. */
  async #requireFreeSpace(): Promise<void> {
    this.#lookedAtBytes = this.#bytes;
    if ((await this.#options.freeBytesAt(this.path)) < servingLimits.exportCopiesFreeBytesMin) {
      throw new Error(
        `less than ${servingLimits.exportCopiesFreeBytesMin} bytes are free on the disk`,
      );
    }
  }
}

async function freeBytesAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) {
    at += (await file.write(chunk, at, chunk.byteLength - at)).bytesWritten;
  }
}
