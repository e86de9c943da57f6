import { crc32 } from 'node:zlib';
import { type Storage, type StorageFile, writeFully } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';

const headerBytes = 12;

/**
 * A file of records that are appended, each behind a header:
 *
 * ```
 * | bytes u32 | CRC of the bytes u32 | CRC of these eight u32 | bytes |
 * ```
 *
 * An append that a crash has torn is the last, and is cut off when the file is opened: nobody was told
 * that it is there. Any other damage is refused (`UNAVAILABLE`), since what follows would be lost.
 */
export class FramedFile {
  readonly #file: StorageFile;
  #end: number;

  private constructor(file: StorageFile, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Opens the file, made where there is none, and hands over its records in order. */
  static async open(
    storage: Storage,
    directory: string,
    path: string,
    onRecord: (bytes: Uint8Array) => void,
  ): Promise<FramedFile> {
    const isThere = (await storage.identify(path)) !== null;
    const file = isThere ? await storage.open(path) : await storage.create(path, 'private');
    try {
      if (!isThere) await storage.syncDirectory(directory);
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      const end = readFrames(bytes, path, onRecord);
      if (end < bytes.length) {
        await file.truncate(end);
        await file.sync();
      }
      return new FramedFile(file, end);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Writes a file of these records over the one of the path; durable when it resolves. */
  static async replace(
    storage: Storage,
    directory: string,
    path: string,
    records: AsyncIterable<Uint8Array>,
  ): Promise<FramedFile> {
    const draft = draftOf(path);
    await FramedFile.discardDraft(storage, path);
    const file = await storage.create(draft, 'private');
    const framed = new FramedFile(file, 0);
    try {
      for await (const record of records) await framed.#write(record);
      await file.sync();
      await storage.rename(draft, path);
      await storage.syncDirectory(directory);
      return framed;
    } catch (error) {
      await file.close().catch(() => {});
      await storage.remove(draft).catch(() => {});
      throw error;
    }
  }

  /** Removes what a crash has left of a file that was to replace the one of the path. */
  static async discardDraft(storage: Storage, path: string): Promise<void> {
    if ((await storage.identify(draftOf(path))) !== null) await storage.remove(draftOf(path));
  }

  /** Appends a record; durable when it resolves. Where it rejects, `undo` takes back what was written of it. */
  async append(record: Uint8Array): Promise<void> {
    const before = this.#end;
    try {
      await this.#write(record);
    } catch (error) {
      this.#end = before;
      throw error;
    }
    await this.#file.sync();
  }

  /** Cuts off what an append that was rejected has left behind. */
  async undo(): Promise<void> {
    await this.#file.truncate(this.#end);
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #write(record: Uint8Array): Promise<void> {
    await writeFully(this.#file, 'write', [headerOf(record), record], this.#end);
    this.#end += headerBytes + record.byteLength;
  }
}

function draftOf(path: string): string {
  return `${path}.new`;
}

function headerOf(record: Uint8Array): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, record.byteLength, true);
  view.setUint32(4, crc32(record), true);
  view.setUint32(8, crc32(header.subarray(0, 8)), true);
  return header;
}

/** Where the last whole record ends. */
function readFrames(
  bytes: Uint8Array,
  path: string,
  onRecord: (bytes: Uint8Array) => void,
): number {
  let at = 0;
  for (;;) {
    const record = frameAt(bytes, at);
    if (record === null) break;
    onRecord(record);
    at += headerBytes + record.byteLength;
  }
  for (let later = at + 1; later + headerBytes <= bytes.length; later++) {
    if (frameAt(bytes, later) !== null) throw damaged(path, at);
  }
  return at;
}

function frameAt(bytes: Uint8Array, at: number): Uint8Array | null {
  if (at + headerBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, headerBytes);
  if (view.getUint32(8, true) !== crc32(bytes.subarray(at, at + 8))) return null;
  const start = at + headerBytes;
  const end = start + view.getUint32(0, true);
  // A record is never empty: zeros are not one.
  if (end === start || end > bytes.length) return null;
  const record = bytes.subarray(start, end);
  return view.getUint32(4, true) === crc32(record) ? record : null;
}

function damaged(path: string, at: number): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `${path} is damaged at byte ${at}: restore the folder from its newest backup`,
    { details: { at } },
  );
}
