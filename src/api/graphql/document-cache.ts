import { servingLimits } from '../../serving-limits.ts';

/**
 * The most recently used values by document text. Long documents are not kept: their literals make
 * them one of a kind, and they would fill the memory.
 */
export class DocumentCache<Value> {
  readonly #values = new Map<string, Value>();

  get(text: string): Value | undefined {
    const value = this.#values.get(text);
    if (value !== undefined) {
      this.#values.delete(text);
      this.#values.set(text, value);
    }
    return value;
  }

  set(text: string, value: Value): void {
    if (text.length > servingLimits.graphqlDocumentCachedCharsMax) return;
    if (this.#values.size >= servingLimits.graphqlDocumentsCachedMax) {
      const oldest = this.#values.keys().next();
      if (!oldest.done) this.#values.delete(oldest.value);
    }
    this.#values.set(text, value);
  }
}
