import type { EncodedRecord } from './record.ts';

/** Records that wait to be written, in order, and the next group of them. */
export class GroupQueue {
  readonly #recordsMax: number;
  readonly #bytesMax: number;
  #records: EncodedRecord[] = [];

  constructor(recordsMax: number, bytesMax: number) {
    this.#recordsMax = recordsMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  push(record: EncodedRecord): void {
    this.#records.push(record);
  }

  /** At least one record, then as many as fit. The queue must not be empty. */
  nextGroup(): EncodedRecord[] {
    let bytes = 0;
    let end = 0;
    while (end < this.#records.length && end < this.#recordsMax) {
      bytes += this.#records[end]?.bytes ?? 0;
      if (end > 0 && bytes > this.#bytesMax) break;
      end++;
    }
    const group = this.#records;
    // The group is not held here: it shall die young.
    this.#records = group.splice(end);
    return group;
  }

  clear(): void {
    this.#records = [];
  }
}
