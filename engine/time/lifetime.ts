/** What a start has brought to life so far, and how each part of it is ended. */
export class Lifetime {
  readonly #ends: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Ends them all, the last first. One that cannot be ended keeps none of the others alive. */
  async undo(onError: (error: unknown) => void): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        onError(error);
      }
    }
  }
}
