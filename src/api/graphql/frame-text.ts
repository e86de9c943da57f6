/** The answer to one frame, as it is sent to everybody who selects the same of it. */
export class FrameText {
  /** The result in JSON, in UTF-8: one text, in several pieces where it is long. */
  readonly pieces: readonly Buffer[];
  /** Where to resume after the frame; null for an answer with errors, after which it is asked for again. */
  readonly cursor: string | null;
  readonly bytes: number;
  #message: { readonly head: Buffer; readonly pieces: readonly Buffer[] } | null = null;

  constructor(pieces: readonly Buffer[], cursor: string | null) {
    this.pieces = pieces;
    this.cursor = cursor;
    this.bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  static of(text: string, cursor: string | null): FrameText {
    return new FrameText([Buffer.from(text)], cursor);
  }

  /** An answer with errors tells which request they are of. */
  get isShared(): boolean {
    return this.cursor !== null;
  }

  /**
   * The text between head and tail, to be sent in the order of its pieces. Of a short text that is one
   * piece, the same bytes for all who ask for it with an equal head; a head has one tail.
   */
  within(head: Buffer, tail: Buffer): readonly Buffer[] {
    if (this.pieces.length > 1) return [head, ...this.pieces, tail];
    if (this.#message?.head.equals(head) !== true) {
      this.#message = { head, pieces: [Buffer.concat([head, ...this.pieces, tail])] };
    }
    return this.#message.pieces;
  }
}
