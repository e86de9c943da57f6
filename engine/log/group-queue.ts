import type { Frame } from './record.ts';

/** Frames that wait to be written, in order, and the next group of them. */
export class GroupQueue {
  readonly #recordsMax: number;
  readonly #bytesMax: number;
  #frames: Frame[] = [];
  /** Frames before this index were taken. */
  #head = 0;

  constructor(recordsMax: number, bytesMax: number) {
    this.#recordsMax = recordsMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#head === this.#frames.length;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
  }

  /** At least one frame, then as many as fit. The queue must not be empty. */
  take(): Frame[] {
    let bytes = 0;
    let end = this.#head;
    while (end < this.#frames.length && end - this.#head < this.#recordsMax) {
      bytes += this.#frames[end]?.bytes ?? 0;
      if (end > this.#head && bytes > this.#bytesMax) break;
      end++;
    }
    const group = this.#frames.slice(this.#head, end);
    this.#head = end;
    if (this.#head === this.#frames.length) this.clear();
    else if (this.#head > 4096) {
      this.#frames.splice(0, this.#head);
      this.#head = 0;
    }
    return group;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
  }
}
