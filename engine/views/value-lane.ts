/**
 * One growable column of what aggregates hold, indexed by group in a view and by entry in a ring
 * of before-images. Numbers lie off the JavaScript heap; only texts that a `min` or `max` holds
 * are objects.
 */
export type ValueLane = NumberLane | BytesLane;

export class NumberLane {
  readonly kind = 'number';
  /** What an index that was never written holds. */
  readonly initial: number;
  values = new Float64Array(0);

  constructor(initial: number) {
    this.initial = initial;
  }

  /** An empty lane of the same kind. */
  emptyCopy(): NumberLane {
    return new NumberLane(this.initial);
  }

  grow(capacity: number): void {
    if (capacity <= this.values.length) return;
    const values = new Float64Array(capacity);
    values.set(this.values);
    if (this.initial !== 0) values.fill(this.initial, this.values.length);
    this.values = values;
  }

  copyFrom(source: ValueLane, from: number, to: number): void {
    this.values[to] = (source as NumberLane).values[from] as number;
  }

  dump(length: number): Uint8Array {
    return new Uint8Array(this.values.slice(0, length).buffer);
  }

  load(dump: Uint8Array): void {
    this.values = new Float64Array(new Uint8Array(dump).buffer);
  }
}

export class BytesLane {
  readonly kind = 'bytes';
  values: (Uint8Array | null)[] = [];

  emptyCopy(): BytesLane {
    return new BytesLane();
  }

  grow(capacity: number): void {
    while (this.values.length < capacity) this.values.push(null);
  }

  copyFrom(source: ValueLane, from: number, to: number): void {
    this.values[to] = (source as BytesLane).values[from] ?? null;
  }

  /** A length a value (-1: null) as Int32, then the bytes; the count stands first. */
  dump(length: number): Uint8Array {
    const lengths = new Int32Array(length + 1);
    lengths[0] = length;
    let bytes = 0;
    for (let i = 0; i < length; i++) {
      const value = this.values[i] ?? null;
      lengths[i + 1] = value ? value.length : -1;
      bytes += value ? value.length : 0;
    }
    const dump = new Uint8Array(lengths.byteLength + bytes);
    dump.set(new Uint8Array(lengths.buffer));
    let at = lengths.byteLength;
    for (let i = 0; i < length; i++) {
      const value = this.values[i];
      if (!value) continue;
      dump.set(value, at);
      at += value.length;
    }
    return dump;
  }

  load(dump: Uint8Array): void {
    const aligned = new Uint8Array(dump);
    const [count = 0] = new Int32Array(aligned.buffer, 0, 1);
    const lengths = new Int32Array(aligned.buffer, 4, count);
    let at = 4 + lengths.byteLength;
    this.values.length = 0;
    for (const length of lengths) {
      this.values.push(length < 0 ? null : aligned.slice(at, at + length));
      at += Math.max(length, 0);
    }
  }
}
