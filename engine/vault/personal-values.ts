/** What was erased of a person. */
export interface Erasure {
  /** Values that are gone; 0 where there was none. */
  readonly values: number;
}

/** What requests may ask of a title's vault. None of it asks the disk but `erase`. */
export interface PersonalValues {
  /** Whether any column of the title is personal: where none is, the vault has names of records alone. */
  readonly hasColumns: boolean;
  /** Rises with each erasure: what was shown under another may show a value that is gone. */
  readonly generation: number;
  /** Values kept, and about what they take in memory. */
  readonly count: number;
  readonly bytes: number;
  /**
   * The token of a name of a person, such as an address, for a record that says who did something; kept
   * from now on. One that no entry has, where the vault takes nothing more: who it was is then not told.
   */
  nameToken(subject: string, name: string): string;
  /** The value that a token stands for; the token itself where it stands for none any more. */
  valueOf(token: string): string;
  /** The token of a value that names its own person; one that no row holds where there is none. */
  ownToken(value: string): string;
  /** The tokens of a value, whosever it is: `max` of them and one more, where there are more. */
  tokensOf(value: string, max: number): readonly string[];
  /**
   * Empties every entry of a person, that which is the person's own name among them. When it resolves,
   * the values are in no file of the vault, and will be in none that is put back later.
   */
  erase(subject: string): Promise<Erasure>;
}
