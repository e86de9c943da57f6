import { LRUCache } from 'lru-cache';
import {
  type OneByOne,
  SharedWork,
  type Ticket,
  type Work,
  type WorkResult,
} from '../../../engine/index.ts';
import { servingLimits } from '../../serving-limits.ts';
import type { FrameText } from './frame-text.ts';

/**
 * The texts of the newest frames of a title, by frame and selection. A subscriber asks for its text
 * within milliseconds of the first one or not at all, so the oldest texts leave first, once all of
 * them are beyond `servingLimits.frameTextsBytesMax`. Long texts are printed one by one, over turns of
 * the event loop.
 */
export class FrameTexts {
  readonly #long: OneByOne;
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;
  readonly #texts = new LRUCache<string, FrameText>({
    maxSize: servingLimits.frameTextsBytesMax,
    sizeCalculation: ({ bytes }) => bytes,
  });
  readonly #printing = new SharedWork<FrameText>();
  readonly #generation: () => number;
  #generationSeen = 0;

  /** `generation`: another one once texts that were made before must not be sent any more. */
  constructor(long: OneByOne, generation: () => number = () => 0) {
    this.#long = long;
    this.#generation = generation;
  }

  /**
   * `make` answers the frame, null where its answer cannot be another's. Frames are told apart as
   * objects: a feed hands one object to all subscribers whose next frame is the same.
   */
  of(frame: object, selection: string, make: () => FrameText | null): FrameText | null {
    const key = this.#keyOf(frame, selection);
    // Without becoming the newest by that: the oldest frame leaves first.
    const known = this.#texts.peek(key);
    if (known) return known;
    const made = make();
    if (made !== null) this.#texts.set(key, made);
    return made;
  }

  /**
   * As `of`, for a frame whose answer takes turns of the event loop; all who wait for it get what one
   * of them has printed, which may be that one's own. `print` of whoever asks first.
   */
  printLong(
    ticket: Ticket,
    frame: object,
    selection: string,
    print: () => Work<FrameText>,
    waiter: WorkResult<FrameText>,
  ): void {
    const key = this.#keyOf(frame, selection);
    const known = this.#texts.peek(key);
    if (known) {
      waiter.done(known);
      return;
    }
    this.#printing.join(key, waiter, (signal, { done, failed }) =>
      this.printOwn(ticket.shared(signal), print(), {
        done: (text) => {
          if (text.isShared) this.#texts.set(key, text);
          done(text);
        },
        failed,
      }),
    );
  }

  /** Prints a long text for one subscriber alone. */
  printOwn(ticket: Ticket, print: Work<FrameText>, waiter: WorkResult<FrameText>): void {
    this.#long.start(ticket, print, waiter);
  }

  /** The waiter of `printLong` wants nothing any more. */
  leave(waiter: WorkResult<FrameText>): void {
    this.#printing.leave(waiter);
  }

  #keyOf(frame: object, selection: string): string {
    const generation = this.#generation();
    if (generation !== this.#generationSeen) {
      this.#generationSeen = generation;
      this.#texts.clear();
    }
    let number = this.#numbers.get(frame);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(frame, number);
    }
    return `${generation}:${number}:${selection}`;
  }
}
