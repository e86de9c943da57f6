/** What was erased of a person. */
export interface Erasure {
  /** Values that are gone; 0 where there was none. */
  readonly values: number;
}

/** What requests may ask of a title's vault. None of it asks the disk but `erase`. */
export interface PersonalValues {
  /** Rises with each erasure: what was shown under another may show a value that is gone. */
  readonly generation: number;
  /** Values kept, and about what they take in memory. */
  readonly count: number;
  readonly bytes: number;
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
