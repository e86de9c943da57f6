/** The parts that have come to life so far, in order, and how each of them is ended. */
export class Lifetime {
  readonly #ends: (() => unknown)[] = [];

  /**
   * Brings parts to life one after the other. Where a later one fails, those before it are ended, and
   * what failed is thrown; `onError` hears of those that could not be ended.
   */
  static async of<T>(
    work: (lifetime: Lifetime) => Promise<T>,
    onError?: (error: unknown) => void,
  ): Promise<T> {
    const lifetime = new Lifetime();
    try {
      return await work(lifetime);
    } catch (error) {
      await lifetime.end(onError);
      throw error;
    }
  }

  add(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Ends them all, the last first. One that cannot be ended keeps none of the others alive. */
  async end(onError: (error: unknown) => void = () => {}): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        onError(error);
      }
    }
  }

  /** As `end`; once all are ended it throws the first error there was. */
  async endOrThrow(): Promise<void> {
    const errors: unknown[] = [];
    await this.end((error) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  }
}
