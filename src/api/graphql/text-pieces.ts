/** A text that grows, kept in UTF-8 in pieces, so that no step handles all of it. */
export class TextPieces {
  readonly #pieces: Buffer[] = [];
  #text = '';

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#text === '';
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= pieceChars) this.#close();
  }

  append({ pieces }: { readonly pieces: readonly Buffer[] }): void {
    this.#close();
    for (const piece of pieces) this.#pieces.push(piece);
  }

  get pieces(): readonly Buffer[] {
    this.#close();
    return this.#pieces;
  }

  #close(): void {
    if (this.#text === '') return;
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}

const pieceChars = 128 * 1024;
