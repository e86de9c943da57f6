import { LRUCache } from 'lru-cache';
import { servingLimits } from '../../serving-limits.ts';

/** The answer to one frame, as it is sent to everybody who selects the same of it. */
export class FrameText {
  /** The result in JSON. */
  readonly text: string;
  /** Where to resume after the frame. */
  readonly cursor: string;
  #bytes: Buffer | null = null;

  constructor(text: string, cursor: string) {
    this.text = text;
    this.cursor = cursor;
  }

  /** The text in UTF-8. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.text);
    return this.#bytes;
  }
}

/**
 * The texts of the newest frames of a title, by frame and selection. A subscriber asks for its text
 * within milliseconds of the first one or not at all, so the oldest texts leave first, once all of
 * them are beyond `servingLimits.frameTextsCharsMax`.
 */
export class FrameTexts {
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;
  readonly #texts = new LRUCache<string, FrameText>({
    maxSize: servingLimits.frameTextsCharsMax,
    sizeCalculation: ({ text }) => text.length,
  });

  /**
   * `make` answers the frame, null where its answer cannot be another's. Frames are told apart as
   * objects: a feed hands one object to all subscribers whose next frame is the same.
   */
  of(frame: object, selection: string, make: () => FrameText | null): FrameText | null {
    const key = `${this.#numberOf(frame)}:${selection}`;
    // Without becoming the newest by that: the oldest frame leaves first.
    const known = this.#texts.peek(key);
    if (known) return known;
    const made = make();
    if (made !== null) this.#texts.set(key, made);
    return made;
  }

  #numberOf(frame: object): number {
    const known = this.#numbers.get(frame);
    if (known !== undefined) return known;
    const number = ++this.#lastNumber;
    this.#numbers.set(frame, number);
    return number;
  }
}
