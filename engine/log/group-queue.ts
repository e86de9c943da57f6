import type { Frame } from './record.ts';

/** Frames that wait to be written, in order, and the next group of them. */
export class GroupQueue {
  readonly #recordsMax: number;
  readonly #bytesMax: number;
  #frames: Frame[] = [];

  constructor(recordsMax: number, bytesMax: number) {
    this.#recordsMax = recordsMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
  }

  /** At least one frame, then as many as fit. The queue must not be empty. */
  take(): Frame[] {
    let bytes = 0;
    let end = 0;
    while (end < this.#frames.length && end < this.#recordsMax) {
      bytes += this.#frames[end]?.bytes ?? 0;
      if (end > 0 && bytes > this.#bytesMax) break;
      end++;
    }
    const group = this.#frames;
    // What is taken is not held here: it shall die young.
    this.#frames = group.splice(end);
    return group;
  }

  clear(): void {
    this.#frames = [];
  }
}
