/** What stood where a page leaves values out: each name for one value, another name for another. */
export class LeftOut {
  readonly #values = new Map<string, unknown>();

  /**
   * The answer of a page with the values it leaves out, taken from the actual answer where their
   * name is new.
   */
  fill(shown: unknown, actual: unknown): unknown {
    if (typeof shown === 'string' && shown.startsWith('…')) return this.#valueOf(shown, actual);
    if (typeof shown !== 'object' || shown === null) return shown;
    const at = (name: string) => (actual as Record<string, unknown> | null | undefined)?.[name];
    if (Array.isArray(shown)) return shown.map((one, i) => this.fill(one, at(String(i))));
    const filled = Object.entries(shown).map(([name, one]) => [name, this.fill(one, at(name))]);
    return Object.fromEntries(filled);
  }

  #valueOf(name: string, actual: unknown): unknown {
    if (!this.#values.has(name)) {
      if (actual === null || actual === undefined) return `some value for ${name}`;
      if ([...this.#values.values()].includes(actual)) return `another value for ${name}`;
      this.#values.set(name, actual);
    }
    return this.#values.get(name);
  }
}
