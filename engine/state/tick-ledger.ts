import { limits } from '../limits.ts';

/** What a committed tick answered, to be answered again when it is retried. */
export interface LedgerEntry {
  readonly lsn: number;
  /** Null: a write outside tick order. */
  readonly tick: number | null;
  /** SHA-256 of the batch's content, 32 bytes. */
  readonly digest: Uint8Array;
  readonly stateHash: Uint8Array;
  readonly accepted: number;
  readonly rejected: number;
  /** The conflicts as they were answered, UTF-8 JSON; null when there was none. */
  readonly conflicts: Uint8Array | null;
}

const hashBytes = 32;

/**
 * The committed ticks of one session by idempotency key, as long as the window
 * (`limits.idempotencyTicksMax`, newest kept). Under its default key a tick is found by its number
 * in sorted arrays outside the JavaScript heap; keys of a client's own take a map entry each.
 */
export class TickLedger {
  #ticks = new Float64Array(64);
  #lsns = new Float64Array(64);
  #accepted = new Uint32Array(64);
  #rejected = new Uint32Array(64);
  #hashes = new Uint8Array(64 * hashBytes * 2);
  /** Entries `#first … #end`; the first ones of the arrays are outside the window. */
  #first = 0;
  #end = 0;
  readonly #conflicts = new Map<number, Uint8Array>();
  readonly #named = new Map<string, LedgerEntry>();

  get size(): number {
    return this.#end - this.#first + this.#named.size;
  }

  /** `key` null: the default key, session and tick. */
  add(key: string | null, entry: LedgerEntry): void {
    if (key !== null || entry.tick === null) {
      if (key === null) return;
      this.#named.set(key, entry);
      if (this.#named.size > limits.idempotencyTicksMax) {
        const [oldest] = this.#named.keys();
        if (oldest !== undefined) this.#named.delete(oldest);
      }
      return;
    }
    this.#reserve();
    const at = this.#end++;
    this.#ticks[at] = entry.tick;
    this.#lsns[at] = entry.lsn;
    this.#accepted[at] = entry.accepted;
    this.#rejected[at] = entry.rejected;
    this.#hashes.set(entry.digest, at * hashBytes * 2);
    this.#hashes.set(entry.stateHash, at * hashBytes * 2 + hashBytes);
    if (entry.conflicts) this.#conflicts.set(entry.tick, entry.conflicts);
  }

  find(key: string | null, tick: number | null): LedgerEntry | null {
    if (key !== null) return this.#named.get(key) ?? null;
    return tick === null ? null : this.#findTick(tick);
  }

  /**
   * The first entries under default keys with `afterLsn < lsn <= upToLsn`, at most `count`, oldest
   * first. A checkpoint asks piece by piece while ticks go on.
   */
  entriesBetween(afterLsn: number, upToLsn: number, count: number): LedgerEntry[] {
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lsns[middle] as number) <= afterLsn) low = middle + 1;
      else high = middle;
    }
    const entries: LedgerEntry[] = [];
    for (let at = low; at < this.#end && entries.length < count; at++) {
      if ((this.#lsns[at] as number) > upToLsn) break;
      entries.push(this.#entry(at));
    }
    return entries;
  }

  /** Ticks and positions of the entries under default keys, oldest first: views of its memory. */
  get order(): { readonly ticks: Float64Array; readonly lsns: Float64Array } {
    return {
      ticks: this.#ticks.subarray(this.#first, this.#end),
      lsns: this.#lsns.subarray(this.#first, this.#end),
    };
  }

  /** Entries under keys of a client's own. */
  namedEntries(): IterableIterator<readonly [string, LedgerEntry]> {
    return this.#named.entries();
  }

  #findTick(tick: number): LedgerEntry | null {
    let low = this.#first;
    let high = this.#end - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#ticks[middle] as number;
      if (found === tick) return this.#entry(middle);
      if (found < tick) low = middle + 1;
      else high = middle - 1;
    }
    return null;
  }

  #entry(at: number): LedgerEntry {
    const tick = this.#ticks[at] as number;
    const start = at * hashBytes * 2;
    return {
      lsn: this.#lsns[at] as number,
      tick,
      digest: this.#hashes.slice(start, start + hashBytes),
      stateHash: this.#hashes.slice(start + hashBytes, start + hashBytes * 2),
      accepted: this.#accepted[at] as number,
      rejected: this.#rejected[at] as number,
      conflicts: this.#conflicts.get(tick) ?? null,
    };
  }

  #reserve(): void {
    if (this.#end - this.#first === limits.idempotencyTicksMax) {
      this.#conflicts.delete(this.#ticks[this.#first] as number);
      this.#first++;
    }
    if (this.#end < this.#ticks.length) return;
    // Half of the arrays outside the window: slide; else grow.
    const capacity = this.#first * 2 >= this.#end ? this.#ticks.length : this.#ticks.length * 2;
    this.#ticks = moved(this.#ticks, new Float64Array(capacity), this.#first, this.#end);
    this.#lsns = moved(this.#lsns, new Float64Array(capacity), this.#first, this.#end);
    this.#accepted = moved(this.#accepted, new Uint32Array(capacity), this.#first, this.#end);
    this.#rejected = moved(this.#rejected, new Uint32Array(capacity), this.#first, this.#end);
    const width = hashBytes * 2;
    const hashes = new Uint8Array(capacity * width);
    this.#hashes = moved(this.#hashes, hashes, this.#first * width, this.#end * width);
    this.#end -= this.#first;
    this.#first = 0;
  }
}

function moved<T extends Float64Array | Uint32Array | Uint8Array>(
  from: T,
  to: T,
  start: number,
  end: number,
): T {
  to.set(from.subarray(start, end));
  return to;
}
