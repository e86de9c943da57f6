import type { StorageFile } from '../../engine/disk/storage.ts';
import type { FaultyStorage, StorageCall } from './storage.ts';
import type { FaultyContent } from './storage-content.ts';

/** An open file of a `FaultyStorage`; dead once that restarts. */
export class FaultyFile implements StorageFile {
  readonly path: string;
  readonly #storage: FaultyStorage;
  readonly #content: FaultyContent;
  readonly #life: number;
  #closed = false;
  #underWay = 0;

  constructor(storage: FaultyStorage, path: string, content: FaultyContent, life: number) {
    this.path = path;
    this.#storage = storage;
    this.#content = content;
    this.#life = life;
  }

  identity(): Promise<string> {
    return this.#storage.look(this.#life, () => this.#storage.idOf(this.#content));
  }

  size(): Promise<number> {
    return this.#call('size', () => this.#content.size);
  }

  sizeNow(): number {
    return this.#content.size;
  }

  read(target: Uint8Array, offset: number): Promise<number> {
    return this.#call('read', () => this.#content.read(target, offset));
  }

  write(parts: readonly Uint8Array[], offset: number): Promise<number> {
    return this.#write('write', parts, offset);
  }

  writeThrough(parts: readonly Uint8Array[], offset: number): Promise<number> {
    return this.#write('writeThrough', parts, offset);
  }

  sync(): Promise<void> {
    return this.#call(
      'sync',
      () => this.#content.sync(),
      (why, random) => {
        if (why === 'error') this.#content.failSync(random);
      },
    );
  }

  truncate(size: number): Promise<void> {
    return this.#call(
      'truncate',
      () => this.#content.truncate(size),
      (why, random) => {
        if (why === 'crash' && random() < 0.5) this.#content.truncate(size);
      },
    );
  }

  /** Throws what no system would: whoever closes a file in use may hit another one opened since. */
  close(): Promise<void> {
    if (this.#underWay > 0) throw new Error(`${this.path} was closed while in use`);
    return this.#call('close', () => {
      this.#closed = true;
    });
  }

  #write(
    call: 'write' | 'writeThrough',
    parts: readonly Uint8Array[],
    offset: number,
  ): Promise<number> {
    const bytes = Buffer.concat(parts);
    return this.#call(
      call,
      (shortBytes) => {
        const added = Math.max(0, offset + bytes.length - this.#content.size);
        const over = Math.max(0, added - this.#storage.freeBytes);
        const count = Math.min(bytes.length - over, shortBytes ?? bytes.length);
        if (count <= 0 && bytes.length > 0) throw systemError('ENOSPC', this.path);
        this.#content[call](bytes.subarray(0, count), offset);
        return count;
      },
      (_why, random) => {
        const count = Math.floor(random() * (bytes.length + 1));
        this.#content.write(bytes.subarray(0, count), offset);
      },
    );
  }

  async #call<T>(
    call: StorageCall,
    run: (shortBytes: number | null) => T,
    partly: (why: 'crash' | 'error', random: () => number) => void = () => {},
  ): Promise<T> {
    if (this.#closed) throw systemError('EBADF', this.path);
    this.#underWay++;
    try {
      return await this.#storage.perform(call, this.path, this.#life, run, partly);
    } finally {
      this.#underWay--;
    }
  }
}

/** An error as the operating system gives it. */
export function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
