import { limits } from '../model/limits.ts';
import { notTaken } from './not-taken.ts';

/**
 * What a decoder has learned and holds for the next tick, counted: orders of keys and forms of
 * effects, and bytes of memory. Past either bound it forgets all of it, between two ticks.
 */
export class Scratch {
  #forms = 0;
  #bytes = 0;

  get isSpent(): boolean {
    return this.#forms >= limits.jsonFormsMax || this.#bytes > limits.jsonScratchBytesMax;
  }

  /** Throws `notTaken` for one too many. */
  addForm(): void {
    if (this.#forms >= limits.jsonFormsMax) throw notTaken;
    this.#forms++;
  }

  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }
}
