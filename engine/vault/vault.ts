import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isOutOfRoom, type Storage } from '../disk/storage.ts';
import type { RecordAuthor } from '../govern/record-author.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import { Entries, type Entry } from './entries.ts';
import { FramedFile } from './framed-file.ts';
import { noToken } from './personal-condition.ts';
import type { Erasure, PersonalValues } from './personal-values.ts';
import { sealBatch } from './seal-batch.ts';

/** What a token begins with; the 22 characters of base64url behind it are 128 random bits. */
const tokenSign = '~';
const tokenBytes = 16;

/** Entries that are written as one record when the file is written anew. */
const entriesARecord = 1_000;

/** A tick in tokens, and when it may go to the log. */
export interface SealedBatch {
  readonly batch: TickBatch;
  /** Null: at once. */
  readonly durable: Promise<void> | null;
}

export interface VaultOptions {
  /** Whether any column of the title is personal; so it is where it is left out. */
  readonly hasColumns?: boolean;
  /** Memory that all entries may take. */
  readonly bytesMax?: number;
}

interface Waiter {
  readonly sequence: number;
  resolve(): void;
  reject(error: EngineError): void;
}

/**
 * The personal values of a title, and the tokens that stand for them. Whoever opens it holds the lock
 * of the title's log.
 */
export class Vault implements PersonalValues {
  readonly hasColumns: boolean;
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #entries = new Entries();
  #file: FramedFile;
  readonly #erasures: FramedFile;
  /** Whether the file still holds values that were erased: it could not be written anew. */
  #holdsErased = false;
  #generation = 0;
  /** Entries that are not written yet, numbered from `#writing + 1` on. */
  #pending: Entry[] = [];
  /** The number of the newest entry that was handed to the disk, and of the newest that is durable. */
  #writing = 0;
  #durable = 0;
  /** Entries that are not durable yet, by token. */
  readonly #unsure = new Map<string, number>();
  /** Up to where a session's newest tick waits: those behind it wait as well. */
  readonly #sessions = new Map<string, number>();
  readonly #waiters: Waiter[] = [];
  /** What is done to the files, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #isFlushing = false;
  #closing: Promise<void> | null = null;
  #failure: EngineError | null = null;

  private constructor(
    storage: Storage,
    directory: string,
    file: FramedFile,
    erasures: FramedFile,
    { hasColumns, bytesMax }: Required<VaultOptions>,
  ) {
    this.#storage = storage;
    this.#directory = directory;
    this.#file = file;
    this.#erasures = erasures;
    this.hasColumns = hasColumns;
    this.#bytesMax = bytesMax;
  }

  /**
   * Opens the vault of a title's directory, made where there is none. Entries that were erased and are
   * there again, as an older copy was put back, are taken out before it resolves.
   */
  static async open(
    storage: Storage,
    titleDirectory: string,
    { hasColumns = true, bytesMax = limits.personalBytesMax }: VaultOptions = {},
  ): Promise<Vault> {
    const directory = join(titleDirectory, 'vault');
    await storage.makeDirectory(directory);
    const erased = new Set<string>();
    const erasures = await FramedFile.open(
      storage,
      titleDirectory,
      erasuresPath(titleDirectory),
      (record) => {
        for (const token of parsed<string[]>(record)) erased.add(token);
      },
    );
    try {
      const kept = new Map<string, Entry>();
      let isOlder = false;
      await FramedFile.discardDraft(storage, entriesPath(directory));
      const file = await FramedFile.open(storage, directory, entriesPath(directory), (record) => {
        for (const [token, subject, value] of parsed<[string, string, string][]>(record)) {
          if (erased.has(token)) isOlder = true;
          else kept.set(token, { token, subject, value });
        }
      });
      const vault = new Vault(storage, directory, file, erasures, { hasColumns, bytesMax });
      for (const entry of kept.values()) vault.#entries.add(entry);
      if (isOlder) await vault.#rewrite();
      return vault;
    } catch (error) {
      await erasures.close();
      throw error;
    }
  }

  get generation(): number {
    return this.#generation;
  }

  get count(): number {
    return this.#entries.count;
  }

  get bytes(): number {
    return this.#entries.bytes;
  }

  valueOf(token: string): string {
    return this.#entries.withToken(token)?.value ?? token;
  }

  ownToken(value: string): string {
    return this.#entries.of(value, value)?.token ?? noToken;
  }

  tokensOf(value: string, max: number): readonly string[] {
    const tokens: string[] = [];
    for (const { token } of this.#entries.withValue(value)) {
      if (tokens.push(token) > max) break;
    }
    return tokens;
  }

  nameToken(subject: string, name: string): string {
    try {
      return (this.#entries.of(subject, name) ?? this.#enter(subject, name)).token;
    } catch (error) {
      if (error instanceof EngineError) return noToken;
      throw error;
    }
  }

  /**
   * The tick with tokens in the place of personal values; new values are entries from now on. It may go
   * to the log once they and the names of its author are durable. Throws `LIMIT_EXCEEDED` for a value
   * that is too long, `QUOTA_EXCEEDED` where the vault is full, and `UNAVAILABLE` where it cannot be
   * written.
   */
  seal(batch: TickBatch, author: RecordAuthor | null = null): SealedBatch {
    let needed = 0;
    const sealed = this.hasColumns
      ? sealBatch(batch, (subject, value) => {
          const { token } = this.#entries.of(subject, value) ?? this.#enter(subject, value);
          needed = Math.max(needed, this.#unsureOf(token));
          return token;
        })
      : batch;
    return { batch: sealed, durable: this.#kept(batch.header.sessionId, author, needed) };
  }

  /** Resolves once the names of a record's author are durable; null: they are. */
  authorKept(sessionId: string, author: RecordAuthor | null): Promise<void> | null {
    return this.#kept(sessionId, author, 0);
  }

  #kept(sessionId: string, author: RecordAuthor | null, needed: number): Promise<void> | null {
    if (this.#unsure.size === 0) return null;
    const names = [author?.subject, author?.address];
    const ofNames = names.map((name) => (name ? this.#unsureOf(name) : 0));
    const all = Math.max(needed, this.#sessions.get(sessionId) ?? 0, ...ofNames);
    if (all <= this.#durable) return null;
    this.#checkFailure();
    this.#sessions.set(sessionId, all);
    return this.#whenDurable(all, sessionId);
  }

  /** The number of an entry that is not durable yet, by its token; 0 of one that is. */
  #unsureOf(token: string): number {
    return this.#unsure.size === 0 ? 0 : (this.#unsure.get(token) ?? 0);
  }

  erase(subject: string): Promise<Erasure> {
    return this.#inTurn(async () => {
      this.#checkFailure();
      const entries = this.#entries.ofSubject(subject);
      if (entries.length > 0) {
        await this.#list(entries);
        // From here on they are gone, whatever becomes of this process.
        for (const entry of entries) this.#entries.remove(entry);
        this.#generation += 1;
        this.#holdsErased = true;
      }
      if (this.#holdsErased) await this.#rewrite();
      return { values: entries.length };
    });
  }

  /** What is on its way is written first. The second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#inTurn(async () => {
      await this.#file.close();
      await this.#erasures.close();
    });
    return this.#closing;
  }

  #enter(subject: string, value: string): Entry {
    this.#checkFailure();
    if (value.length > limits.personalValueLengthMax) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `a personal value has ${limits.personalValueLengthMax} characters at most, and this one ${value.length}`,
        { details: { limit: 'personalValueLengthMax', max: limits.personalValueLengthMax } },
      );
    }
    const token = `${tokenSign}${randomBytes(tokenBytes).toString('base64url')}`;
    const entry = { token, subject, value };
    if (this.#entries.bytes + Entries.bytesOf(entry) > this.#bytesMax) {
      throw new EngineError(
        'QUOTA_EXCEEDED',
        'the vault of personal values is full; erase people who are gone, or keep such values elsewhere',
        { details: { limit: 'personalBytesMax', max: this.#bytesMax } },
      );
    }
    this.#entries.add(entry);
    this.#pending.push(entry);
    this.#unsure.set(token, this.#writing + this.#pending.length);
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      // Once whatever else comes in this turn has come: it shares the write and the sync.
      void this.#inTurn(() => this.#flush()).catch(() => {});
    }
    return entry;
  }

  #whenDurable(sequence: number, sessionId: string): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settled = () => {
        if (this.#sessions.get(sessionId) === sequence) this.#sessions.delete(sessionId);
      };
      this.#waiters.push({
        sequence,
        resolve: () => {
          settled();
          resolve();
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
    });
  }

  /** Writes what is pending, as often as there is more. */
  async #flush(): Promise<void> {
    await nextTurn();
    while (this.#pending.length > 0 && this.#failure === null) {
      const group = this.#pending;
      this.#pending = [];
      this.#writing += group.length;
      try {
        // What was erased meanwhile is not written any more.
        const kept = group.filter(({ token }) => this.#entries.withToken(token) !== undefined);
        if (kept.length > 0) await this.#file.append(recordOf(kept));
        this.#durable = this.#writing;
        for (const { token } of group) this.#unsure.delete(token);
        this.#answer((waiter) => waiter.resolve());
      } catch (error) {
        if (isOutOfRoom(error)) await this.#takeBack(group);
        else this.#fail(error);
      }
    }
    this.#isFlushing = false;
  }

  /** A full disk: the entries never were, and ticks that wait for them are refused. */
  async #takeBack(group: readonly Entry[]): Promise<void> {
    try {
      await this.#file.undo();
    } catch (error) {
      this.#fail(error);
      return;
    }
    for (const entry of group) {
      this.#entries.remove(entry);
      this.#unsure.delete(entry.token);
    }
    this.#durable = this.#writing;
    this.#answer((waiter) => waiter.reject(outOfRoom('the disk of the vault is full')));
  }

  /** Lists what is erased, durably. */
  async #list(entries: readonly Entry[]): Promise<void> {
    try {
      await this.#erasures.append(textOf(entries.map(({ token }) => token)));
    } catch (error) {
      if (!isOutOfRoom(error)) throw this.#fail(error);
      await this.#erasures.undo().catch((failure: unknown) => {
        throw this.#fail(failure);
      });
      throw outOfRoom('the disk of the vault is full: nothing was erased');
    }
  }

  #answer(how: (waiter: Waiter) => void): void {
    let waiting = 0;
    for (const waiter of this.#waiters) {
      if (waiter.sequence <= this.#durable) how(waiter);
      else this.#waiters[waiting++] = waiter;
    }
    this.#waiters.length = waiting;
  }

  /** A write whose outcome is unknown: nothing new is taken until the next start has read the file. */
  #fail(cause: unknown): EngineError {
    this.#failure ??= new EngineError(
      'UNAVAILABLE',
      'the vault of personal values could not be written: start the server again',
      { cause },
    );
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
    return this.#failure;
  }

  #checkFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Writes the file anew with the entries there are, and lets go of the old one. */
  async #rewrite(): Promise<void> {
    const path = entriesPath(this.#directory);
    const records = recordsOf(this.#entries.all());
    const before = this.#file;
    try {
      this.#file = await FramedFile.replace(this.#storage, this.#directory, path, records);
    } catch (error) {
      if (!isOutOfRoom(error)) throw this.#fail(error);
      throw outOfRoom(
        'what was erased is shown no more, and goes from the file once there is room on its disk: erase again, or start the server again',
      );
    }
    this.#holdsErased = false;
    await before.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }
}

function outOfRoom(message: string): EngineError {
  return new EngineError('UNAVAILABLE', message, { retryAfterMs: limits.vaultRetryMs });
}

function entriesPath(directory: string): string {
  return join(directory, 'entries');
}

/** Beside the vault's folder, so that a copy of the folder that is put back leaves it as it is. */
function erasuresPath(titleDirectory: string): string {
  return join(titleDirectory, 'erasures');
}

async function* recordsOf(entries: Iterable<Entry>): AsyncGenerator<Uint8Array> {
  let group: Entry[] = [];
  for (const entry of entries) {
    group.push(entry);
    if (group.length < entriesARecord) continue;
    yield recordOf(group);
    group = [];
    await nextTurn();
  }
  if (group.length > 0) yield recordOf(group);
}

function recordOf(group: readonly Entry[]): Uint8Array {
  return textOf(group.map(({ token, subject, value }) => [token, subject, value]));
}

function textOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parsed<T>(record: Uint8Array): T {
  return JSON.parse(Buffer.from(record).toString('utf8')) as T;
}
