type Change =
  | {
      readonly kind: 'write';
      readonly offset: number;
      readonly bytes: Buffer;
      readonly sure: boolean;
    }
  | { readonly kind: 'truncate'; readonly size: number };

/** Shares of the unsynced sectors that a power failure spares; one is drawn for each file. */
const sparedShares = [0, 0.2, 0.5, 0.8, 1];

/** Bytes that grow when written past their end. */
class GrowingBytes {
  #bytes = Buffer.alloc(4096);
  size = 0;

  write(bytes: Uint8Array, offset: number): void {
    this.resize(Math.max(this.size, offset + bytes.byteLength));
    this.#bytes.set(bytes, offset);
  }

  /** What is added is zero. */
  resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.size);
      this.#bytes = larger;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  view(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }
}

/** A file's content: what programs see, what the disk holds, and the changes between the two. */
export class FaultyContent {
  readonly #sectorBytes: number;
  readonly #seen = new GrowingBytes();
  readonly #durable = new GrowingBytes();
  #unsynced: Change[] = [];

  constructor(sectorBytes: number) {
    this.#sectorBytes = sectorBytes;
  }

  get size(): number {
    return this.#seen.size;
  }

  bytes(): Buffer {
    return Buffer.from(this.#seen.view());
  }

  read(target: Uint8Array, offset: number): number {
    const part = this.#seen.view().subarray(offset, offset + target.byteLength);
    target.set(part);
    return part.byteLength;
  }

  write(bytes: Buffer, offset: number): void {
    this.#seen.write(bytes, offset);
    this.#unsynced.push({ kind: 'write', offset, bytes, sure: false });
  }

  /** Only these bytes become durable; what was changed before them may still be lost. */
  writeThrough(bytes: Buffer, offset: number): void {
    this.#seen.write(bytes, offset);
    if (this.#unsynced.length === 0) this.#durable.write(bytes, offset);
    else this.#unsynced.push({ kind: 'write', offset, bytes, sure: true });
  }

  truncate(size: number): void {
    this.#seen.resize(size);
    this.#unsynced.push({ kind: 'truncate', size });
  }

  sync(): void {
    for (const change of this.#unsynced) {
      if (change.kind === 'write') this.#durable.write(change.bytes, change.offset);
      else this.#durable.resize(change.size);
    }
    this.#unsynced = [];
  }

  /** Some of it reached the disk, the rest never will, and nothing remembers which. */
  failSync(random: () => number): void {
    this.#spare(random);
  }

  losePower(random: () => number): void {
    const sizeSeen = this.#seen.size;
    const lengthened = this.#unsynced.length > 0 && sizeSeen > this.#durable.size;
    this.#spare(random);
    // A file may have grown on the disk before its data came; the gap reads as zeros.
    if (lengthened && sizeSeen > this.#durable.size && random() < 0.5) {
      const gap = Math.floor(random() * (sizeSeen - this.#durable.size + 1));
      this.#durable.resize(this.#durable.size + gap);
    }
    this.#seen.resize(0);
    this.#seen.write(this.#durable.view(), 0);
  }

  /** Seen and durable alike. */
  replace(bytes: Buffer): void {
    for (const side of [this.#seen, this.#durable]) {
      side.resize(0);
      side.write(bytes, 0);
    }
    this.#unsynced = [];
  }

  #spare(random: () => number): void {
    const share = sparedShares[Math.floor(random() * sparedShares.length)] ?? 0.5;
    for (const change of this.#unsynced) {
      if (change.kind === 'truncate') {
        if (random() < share) this.#durable.resize(change.size);
      } else if (change.sure) {
        this.#durable.write(change.bytes, change.offset);
      } else {
        for (const [from, to] of this.#sectors(change.offset, change.bytes.length)) {
          if (random() >= share) continue;
          this.#durable.write(
            change.bytes.subarray(from - change.offset, to - change.offset),
            from,
          );
        }
      }
    }
    this.#unsynced = [];
  }

  *#sectors(offset: number, bytes: number): Generator<readonly [number, number]> {
    const end = offset + bytes;
    for (let from = offset; from < end; ) {
      const to = Math.min(end, (Math.floor(from / this.#sectorBytes) + 1) * this.#sectorBytes);
      yield [from, to];
      from = to;
    }
  }
}
