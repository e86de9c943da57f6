import { limits } from '../model/limits.ts';
import { AnswerMemory } from './answer-memory.ts';

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
  /** The conflicts, and the actions settled before, as they were answered, UTF-8 JSON; null: there was none. */
  readonly conflicts: Uint8Array | null;
}

/** The newest positions whose answers a ledger has forgotten; 0 where it has forgotten none. */
export interface Forgotten {
  /** The newest forgotten under default keys. */
  readonly ticksLsn: number;
  /** The newest forgotten under keys of a client's own. */
  readonly keysLsn: number;
}

const hashBytes = 32;
const hashesBytes = hashBytes * 2;
/** Ticks, positions, two counts and two hashes. */
const tickBytes = 8 + 8 + 4 + 4 + hashesBytes;
const capacityMin = 16;
/** Shared: five of its own would take a kilobyte of each session that never had a tick. */
const noFloats = new Float64Array(0);
const noIntegers = new Uint32Array(0);
const noBytes = new Uint8Array(0);
/** What an entry of a map takes beside the bytes it holds, as measured on Node 20. */
const conflictsEntryBytes = 256;
const namedEntryBytes = 768;

/**
 * The committed ticks of one session by idempotency key, as long as the window
 * (`limits.idempotencyTicksMax`, newest kept; `keepNewest` for fewer). Under its default key a tick
 * is found by its number in sorted arrays outside the JavaScript heap; keys of a client's own take
 * a map entry each.
 */
export class TickLedger {
  /** Entries `#first … #end` are never overwritten, so that `frozen` may share them. */
  #ticks = noFloats;
  #lsns = noFloats;
  #accepted = noIntegers;
  #rejected = noIntegers;
  #hashes = noBytes;
  /** The first ones of the arrays are outside the window. */
  #first = 0;
  #end = 0;
  /** By tick, in order. */
  #conflicts: Map<number, Uint8Array> | null = null;
  /** In order of positions. */
  #named: Map<string, LedgerEntry> | null = null;
  /** A `frozen` copy shares the maps, and needs what they hold after this position. */
  #sharedAfterLsn = Number.POSITIVE_INFINITY;
  #ticksForgottenLsn = 0;
  #keysForgottenLsn = 0;
  readonly #memory: AnswerMemory;
  #memoryBytes = 0;

  /** Counts in `memory` what it takes. */
  constructor(memory: AnswerMemory = new AnswerMemory()) {
    this.#memory = memory;
  }

  get size(): number {
    return this.tickCount + this.keyCount;
  }

  /** Entries under default keys. */
  get tickCount(): number {
    return this.#end - this.#first;
  }

  /** Entries under keys of a client's own. */
  get keyCount(): number {
    return this.#named?.size ?? 0;
  }

  /** What it takes, of maps an estimate; the 300 bytes of an empty one are not in it. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get forgotten(): Forgotten {
    return { ticksLsn: this.#ticksForgottenLsn, keysLsn: this.#keysForgottenLsn };
  }

  /** `key` null: the default key, session and tick. */
  add(key: string | null, entry: LedgerEntry): void {
    if (key !== null) this.#addNamed(key, entry);
    else if (entry.tick !== null) this.#addTick(entry.tick, entry);
  }

  find(key: string | null, tick: number | null): LedgerEntry | null {
    if (key !== null) return this.#named?.get(key) ?? null;
    return tick === null ? null : this.#findTick(tick);
  }

  /** Forgets, for good, all but the newest so many ticks and keys, and gives their memory back. */
  keepNewest(count: number): void {
    this.#forgetTicks(Math.max(this.#first, this.#end - count));
    this.#forgetKeys(this.keyCount - count);
    if (this.#ticks.length > this.tickCount) this.#resize(this.tickCount);
  }

  /** Takes note, while it is empty, of what a ledger of before has forgotten. */
  resume({ ticksLsn, keysLsn }: Forgotten): void {
    this.#ticksForgottenLsn = ticksLsn;
    this.#keysForgottenLsn = keysLsn;
  }

  /** Adds again what was there before: what has been forgotten is left out. */
  restore(key: string | null, entry: LedgerEntry): void {
    const forgottenLsn = key === null ? this.#ticksForgottenLsn : this.#keysForgottenLsn;
    if (entry.lsn > forgottenLsn) this.add(key, entry);
  }

  /**
   * A copy, made in no time, that keeps the entries after `afterLsn`, whatever is forgotten later.
   * Entries that are added later may show in it. It is to be read only.
   */
  frozen(afterLsn: number): TickLedger {
    const copy = new TickLedger();
    copy.#ticks = this.#ticks;
    copy.#lsns = this.#lsns;
    copy.#accepted = this.#accepted;
    copy.#rejected = this.#rejected;
    copy.#hashes = this.#hashes;
    copy.#first = this.#first;
    copy.#end = this.#end;
    copy.#conflicts = this.#conflicts;
    copy.#named = this.#named;
    copy.#ticksForgottenLsn = this.#ticksForgottenLsn;
    copy.#keysForgottenLsn = this.#keysForgottenLsn;
    this.#sharedAfterLsn = Math.min(this.#sharedAfterLsn, afterLsn);
    return copy;
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

  /**
   * The position of the newest tick up to `tick`; null where there is none, or it may be forgotten.
   */
  lsnOfTick(tick: number): number | null {
    const { ticks, lsns } = this.order;
    let low = 0;
    let high = ticks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ticks[middle] as number) <= tick) low = middle + 1;
      else high = middle;
    }
    let newest = low === 0 ? 0 : (lsns[low - 1] as number);
    for (const [, entry] of this.namedEntries()) {
      if (entry.tick !== null && entry.tick <= tick) newest = Math.max(newest, entry.lsn);
    }
    const { ticksLsn, keysLsn } = this.forgotten;
    return newest > Math.max(ticksLsn, keysLsn) ? newest : null;
  }

  /** Entries under keys of a client's own, oldest first. */
  *namedEntries(): IterableIterator<readonly [string, LedgerEntry]> {
    if (this.#named) yield* this.#named;
  }

  #addNamed(key: string, entry: LedgerEntry): void {
    this.#named ??= new Map();
    this.#named.set(key, entry);
    this.#count(bytesOfNamed(key, entry));
    this.#forgetKeys(this.#named.size - limits.idempotencyTicksMax);
  }

  #addTick(tick: number, entry: LedgerEntry): void {
    this.#forgetTicks(Math.max(this.#first, this.#end + 1 - limits.idempotencyTicksMax));
    if (this.#end === this.#ticks.length) this.#makeRoom();
    const at = this.#end++;
    this.#ticks[at] = tick;
    this.#lsns[at] = entry.lsn;
    this.#accepted[at] = entry.accepted;
    this.#rejected[at] = entry.rejected;
    this.#hashes.set(entry.digest, at * hashesBytes);
    this.#hashes.set(entry.stateHash, at * hashesBytes + hashBytes);
    if (entry.conflicts === null) return;
    this.#conflicts ??= new Map();
    this.#conflicts.set(tick, entry.conflicts);
    this.#count(bytesOfConflicts(entry.conflicts));
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
    const start = at * hashesBytes;
    return {
      lsn: this.#lsns[at] as number,
      tick,
      digest: this.#hashes.slice(start, start + hashBytes),
      stateHash: this.#hashes.slice(start + hashBytes, start + hashesBytes),
      accepted: this.#accepted[at] as number,
      rejected: this.#rejected[at] as number,
      conflicts: this.#conflicts?.get(tick) ?? null,
    };
  }

  /** Forgets the ticks before `first` in the arrays. */
  #forgetTicks(first: number): void {
    if (first <= this.#first) return;
    const last = this.#ticks[first - 1] as number;
    this.#ticksForgottenLsn = this.#lsns[first - 1] as number;
    this.#first = first;
    if (this.#conflicts === null) return;
    this.#ownMaps(this.#ticksForgottenLsn);
    for (const [tick, conflicts] of this.#conflicts) {
      if (tick > last) break;
      this.#conflicts.delete(tick);
      this.#count(-bytesOfConflicts(conflicts));
    }
  }

  /** Forgets the `count` oldest keys. */
  #forgetKeys(count: number): void {
    if (this.#named === null || count <= 0) return;
    let left = count;
    for (const [key, entry] of this.#named) {
      if (left-- === 0) break;
      this.#ownMaps(entry.lsn);
      this.#named.delete(key);
      this.#count(-bytesOfNamed(key, entry));
      this.#keysForgottenLsn = entry.lsn;
    }
  }

  /** Copies the maps before entries up to `lsn` are taken from them, where a frozen session shares them. */
  #ownMaps(lsn: number): void {
    if (lsn <= this.#sharedAfterLsn) return;
    this.#conflicts = this.#conflicts && new Map(this.#conflicts);
    this.#named = this.#named && new Map(this.#named);
    this.#sharedAfterLsn = Number.POSITIVE_INFINITY;
  }

  #makeRoom(): void {
    // Half of the arrays outside the window: slide; else grow.
    const { length } = this.#ticks;
    const slides = length > 0 && this.#first * 2 >= this.#end;
    this.#resize(slides ? length : Math.max(capacityMin, length * 2));
  }

  /** Moves the ticks to new arrays: those of before may be shared. */
  #resize(capacity: number): void {
    this.#count((capacity - this.#ticks.length) * tickBytes);
    this.#ticks = moved(this.#ticks, new Float64Array(capacity), this.#first, this.#end);
    this.#lsns = moved(this.#lsns, new Float64Array(capacity), this.#first, this.#end);
    this.#accepted = moved(this.#accepted, new Uint32Array(capacity), this.#first, this.#end);
    this.#rejected = moved(this.#rejected, new Uint32Array(capacity), this.#first, this.#end);
    const hashes = new Uint8Array(capacity * hashesBytes);
    this.#hashes = moved(this.#hashes, hashes, this.#first * hashesBytes, this.#end * hashesBytes);
    this.#end -= this.#first;
    this.#first = 0;
  }

  #count(bytes: number): void {
    this.#memoryBytes += bytes;
    this.#memory.bytes += bytes;
  }
}

function bytesOfConflicts(conflicts: Uint8Array | null): number {
  return conflicts === null ? 0 : conflictsEntryBytes + conflicts.byteLength;
}

function bytesOfNamed(key: string, { conflicts }: LedgerEntry): number {
  return namedEntryBytes + key.length + bytesOfConflicts(conflicts);
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
