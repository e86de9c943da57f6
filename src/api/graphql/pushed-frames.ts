import type { ExecutionResult } from 'graphql';
import type { AnsweredFrames } from './answered-frames.ts';
import { FrameText } from './frame-text.ts';

/**
 * The frames of a subscription for a protocol that prints each result itself: those that are texts
 * already go out by `push`, one after the other, and the protocol gets the others and the end.
 */
export class PushedFrames implements AsyncIterableIterator<ExecutionResult> {
  readonly #frames: AnsweredFrames;
  readonly #push: (text: FrameText) => Promise<void>;

  /** `push` resolves once the client may get the next one. */
  constructor(frames: AnsweredFrames, push: (text: FrameText) => Promise<void>) {
    this.#frames = frames;
    this.#push = push;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ExecutionResult>> {
    for (;;) {
      const step = await this.#frames.next();
      if (step.done === true) return step;
      if (!(step.value instanceof FrameText)) return { done: false, value: step.value };
      await this.#push(step.value);
    }
  }

  return(): Promise<IteratorResult<ExecutionResult>> {
    return this.#frames.return();
  }

  throw(error: unknown): Promise<IteratorResult<ExecutionResult>> {
    return this.#frames.throw(error);
  }
}
