/** Texts as 32-bit numbers: equal texts have equal numbers. */
export interface TextNumbers {
  /** Texts that have a number. */
  readonly size: number;
  /** The number of these bytes, which are copied when they are new. */
  id(data: Uint8Array, start: number, end: number): number;
  idOfText(text: string): number;
  /** -1 for a text that has no number. */
  find(text: string): number;
  text(id: number): string;
  /** Compares texts by their UTF-8 bytes, which is the order of code points. */
  compare(left: number, right: number): number;
  /** A text's bytes, to be read at once, not kept. */
  bytes(id: number): Uint8Array;
  /** Whoever keeps a number beyond the tick retains it, and releases it when it keeps it no more. */
  retain(id: number): void;
  release(id: number): void;
}
