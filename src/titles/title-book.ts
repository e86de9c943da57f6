import { join } from 'node:path';
import { damagedFile, readPrivately, writePrivately } from '../storage/private-file.ts';

/**
 * What an operator has decided of a title:
 *
 * | standing    | it is served | its files                                       |
 * | ----------- | ------------ | ----------------------------------------------- |
 * | `active`    | yes          | stay                                            |
 * | `suspended` | no           | stay                                            |
 * | `removed`   | no           | stay until `purgeAtMs`; gone where that is null |
 */
export type TitleStanding = 'active' | 'suspended' | 'removed';

export interface BookEntry {
  readonly name: string;
  readonly standing: TitleStanding;
  /** When it came to stand so: Unix milliseconds. */
  readonly sinceMs: number;
  /** When the files of a removed title go; null once they are gone, and for every other title. */
  readonly purgeAtMs: number | null;
}

/**
 * Which titles there are: a small file in the data directory, written whole and synced at each change.
 * A title that was removed stays in it, so that no manifest a server is started with brings it back.
 */
export class TitleBook {
  readonly #path: string;
  #entries: ReadonlyMap<string, BookEntry>;

  private constructor(path: string, entries: readonly BookEntry[]) {
    this.#path = path;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** The book of a data directory; empty where there is none. Throws for one that is damaged. */
  static open(dataDir: string): TitleBook {
    const path = join(dataDir, 'titles.json');
    const kept = readPrivately(path);
    return new TitleBook(path, kept === null ? [] : parseBook(kept.toString('utf8'), path));
  }

  get(name: string): BookEntry | null {
    return this.#entries.get(name) ?? null;
  }

  entries(): readonly BookEntry[] {
    return sorted(this.#entries);
  }

  /** Durable when it returns; where it throws, the book is as before. */
  put(entry: BookEntry): void {
    const entries = new Map(this.#entries).set(entry.name, entry);
    const titles = sorted(entries).map(({ name, standing, sinceMs, purgeAtMs }) => ({
      name,
      standing,
      since: new Date(sinceMs).toISOString(),
      ...(purgeAtMs === null ? {} : { purgeAt: new Date(purgeAtMs).toISOString() }),
    }));
    writePrivately(this.#path, `${JSON.stringify({ format: 1, titles }, null, 2)}\n`);
    this.#entries = entries;
  }
}

function sorted(entries: ReadonlyMap<string, BookEntry>): BookEntry[] {
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const standings: readonly unknown[] = ['active', 'suspended', 'removed'] satisfies TitleStanding[];

function parseBook(text: string, path: string): BookEntry[] {
  try {
    const { format, titles } = JSON.parse(text) as { format: unknown; titles: unknown };
    if (format !== 1) throw new Error(`its format is ${String(format)}, this version reads 1`);
    if (!Array.isArray(titles)) throw new Error('it lists no titles');
    return titles.map(entryOf);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedFile(
      path,
      reason,
      'every title whose manifest is given is served again, removed ones among them',
    );
  }
}

function entryOf(value: unknown): BookEntry {
  const { name, standing, since, purgeAt } = value as Readonly<Record<string, unknown>>;
  const sinceMs = Date.parse(String(since));
  const purgeAtMs = purgeAt === undefined ? null : Date.parse(String(purgeAt));
  if (typeof name !== 'string' || !standings.includes(standing) || Number.isNaN(sinceMs)) {
    throw new Error(`it says ${JSON.stringify(value)} of a title`);
  }
  if (Number.isNaN(purgeAtMs)) throw new Error(`"purgeAt" of "${name}" is no time`);
  return { name, standing: standing as TitleStanding, sinceMs, purgeAtMs };
}
