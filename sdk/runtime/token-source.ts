/** A bearer token, or what fetches one; a function is asked again when the server refuses the last. */
export type TokenProvider = string | (() => string | Promise<string>);

/** Holds the token in use; concurrent requests share one ask. */
export class TokenSource {
  readonly #provider: TokenProvider;
  #current: string | null = null;
  #asking: Promise<string> | null = null;

  constructor(provider: TokenProvider) {
    this.#provider = provider;
  }

  /** The token in use; null before the first was asked for. */
  get current(): string | null {
    return this.#current;
  }

  get(): string | Promise<string> {
    return this.#current ?? this.#ask();
  }

  /**
   * Another token than `refused`, which the server did not take; null when there is none to be
   * had (a fixed token). A request that finds the token already replaced gets the replacement.
   */
  async replace(refused: string): Promise<string | null> {
    if (typeof this.#provider === 'string') return null;
    if (this.#current !== null && this.#current !== refused) return this.#current;
    return await this.#ask();
  }

  #ask(): Promise<string> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #fetch(): Promise<string> {
    const token = typeof this.#provider === 'string' ? this.#provider : await this.#provider();
    this.#current = token;
    return token;
  }
}
