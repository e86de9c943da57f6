/** A value of a person, and the token that stands for it. */
export interface Entry {
  readonly token: string;
  /** The person whose it is; of a value that names its own person, the value. */
  readonly subject: string;
  readonly value: string;
}

/** What an entry takes in memory beside its texts: the object, and its places in three indexes. */
const entryOverheadBytes = 400;

/** The entries of a vault, in memory: by token, by value, by person. */
export class Entries {
  readonly #byToken = new Map<string, Entry>();
  readonly #bySubject = new Map<string, Map<string, Entry>>();
  readonly #byValue = new Map<string, Set<Entry>>();
  #bytes = 0;

  get count(): number {
    return this.#byToken.size;
  }

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  static bytesOf({ token, subject, value }: Entry): number {
    return entryOverheadBytes + token.length + 2 * (subject.length + value.length);
  }

  add(entry: Entry): void {
    const { token, subject, value } = entry;
    this.#byToken.set(token, entry);
    const own = this.#bySubject.get(subject);
    if (own) own.set(value, entry);
    else this.#bySubject.set(subject, new Map([[value, entry]]));
    const equal = this.#byValue.get(value);
    if (equal) equal.add(entry);
    else this.#byValue.set(value, new Set([entry]));
    this.#bytes += Entries.bytesOf(entry);
  }

  remove(entry: Entry): void {
    const { token, subject, value } = entry;
    if (!this.#byToken.delete(token)) return;
    const own = this.#bySubject.get(subject);
    if (own?.get(value) === entry) own.delete(value);
    if (own?.size === 0) this.#bySubject.delete(subject);
    const equal = this.#byValue.get(value);
    equal?.delete(entry);
    if (equal?.size === 0) this.#byValue.delete(value);
    this.#bytes -= Entries.bytesOf(entry);
  }

  of(subject: string, value: string): Entry | undefined {
    return this.#bySubject.get(subject)?.get(value);
  }

  withToken(token: string): Entry | undefined {
    return this.#byToken.get(token);
  }

  withValue(value: string): Iterable<Entry> {
    return this.#byValue.get(value) ?? [];
  }

  ofSubject(subject: string): readonly Entry[] {
    return [...(this.#bySubject.get(subject)?.values() ?? [])];
  }

  all(): IterableIterator<Entry> {
    return this.#byToken.values();
  }
}
