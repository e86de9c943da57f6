import { createHash } from 'node:crypto';
import type { Ticket } from '../../govern/ticket.ts';
import type { Lsn } from '../../model/position.ts';
import type { Row, Value } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { type PinnedValue, pinnedValue, sessionOf } from '../../query/fixed-values.ts';
import { namedColumns } from '../../query/named-columns.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import type { Frame } from '../view-engine.ts';
import type { ChannelDispatch } from './channel-dispatch.ts';
import { encodeCursor } from './cursor.ts';
import type { FeedContext } from './feed-context.ts';
import type { FeedSource, RowChange } from './feed-source.ts';
import type { RowChanges } from './row-changes.ts';

/** What a channel does with a subscriber: wakes it. */
export interface Subscriber {
  /** Makes its next frame if there is one to make. */
  advance(nowMs: number): void;
  /** Nothing concerned it after `from` up to `to`: who has been told everything up to `from` is at `to`. */
  pass(from: Lsn, to: Lsn): void;
  /** Ends its iterator. */
  end(): void;
}

/** Who waits for the rows of a snapshot. */
export interface SnapshotReader {
  /** `lsn`: what they are true of. */
  done(rows: readonly Row[], lsn: Lsn): void;
  failed(error: unknown): void;
}

/** All subscribers of one feed with the same `where`; they share the frames made for it. */
export class Channel {
  readonly subscribers = new Set<Subscriber>();
  /** The subscribers that wait for news. */
  readonly waiting = new Set<Subscriber>();
  /** `conditionText` of the `where`. */
  readonly id: string;
  /** The channel's number within the process: names its frames among those remembered. */
  readonly serial: number;
  /** The session its rows can only belong to, where the source tells; its other ticks are skipped. */
  readonly sessionId: string | null;
  /** What its cursors carry of the source's definition and the `where`. */
  readonly definition: string;
  readonly where: Condition | null;
  /**
   * A value that all of its rows have, in a column that the source can read of changed rows: the
   * channel is then told of the ticks that concern it, and of no others.
   */
  readonly pinned: PinnedValue | null;
  /** The newest tick that may have concerned it, as far as it was told. */
  #concernedLsn = 0 as Lsn;
  #reading: { readonly readers: Set<SnapshotReader>; readonly abort: AbortController } | null =
    null;
  readonly #source: FeedSource;
  readonly #changes: (from: Lsn, to: Lsn, sessionId: string | null) => RowChanges;
  readonly #dispatch: ChannelDispatch;
  readonly #matches: (row: Row) => boolean;
  /** The `where` names a column that is unknown before a change: any row may have matched. */
  readonly #unknownBefore: boolean;

  constructor(
    source: FeedSource,
    where: Condition | null,
    id: string,
    dispatch: ChannelDispatch,
    changes: (from: Lsn, to: Lsn, sessionId: string | null) => RowChanges,
  ) {
    this.#changes = changes;
    this.#dispatch = dispatch;
    this.id = id;
    this.serial = nextSerial++;
    this.where = where;
    this.sessionId = source.sessionBound ? sessionOf(where) : null;
    this.pinned = pinnedValue(where, pinnable(source));
    this.definition = createHash('sha256')
      .update(JSON.stringify([source.name, source.fingerprint, this.id]))
      .digest('base64url')
      .slice(0, 22);
    this.#source = source;
    this.#matches = rowPredicate(where);
    this.#unknownBefore = namedColumns(where).some((name) => source.unknownBefore.has(name));
  }

  /** Up to where it is known which ticks concern it; `head` for one that every tick may concern. */
  knownUpTo(head: Lsn): Lsn {
    return this.pinned === null ? head : this.#dispatch.position();
  }

  /** Whether a tick after `lsn` may have concerned it, of those up to `knownUpTo`. */
  hasNewsAfter(lsn: Lsn): boolean {
    return this.pinned === null || lsn < this.#concernedLsn;
  }

  /** The tick concerns it, and none between the last that it was told of and this one. */
  concern(lsn: Lsn): void {
    const before = (lsn - 1) as Lsn;
    for (const subscriber of this.subscribers) subscriber.pass(this.#concernedLsn, before);
    this.#concernedLsn = lsn;
  }

  /** Any tick up to `lsn` may have concerned it: nobody looked. */
  suspect(lsn: Lsn): void {
    this.#concernedLsn = lsn;
  }

  /**
   * Reads every matching row, over turns of the event loop where there are many; whoever asks
   * meanwhile gets the same. It is read under the name of whoever asks first, and goes on without it.
   */
  read(ticket: Ticket, context: FeedContext, reader: SnapshotReader): void {
    if (this.#reading) {
      this.#reading.readers.add(reader);
      return;
    }
    const readers = new Set([reader]);
    const abort = new AbortController();
    this.#reading = { readers, abort };
    const end = (tell: (reader: SnapshotReader) => void): void => {
      if (this.#reading?.readers === readers) this.#reading = null;
      for (const each of readers) tell(each);
    };
    context.turns.start(ticket.shared(abort.signal), this.#source.snapshot(this.where), {
      done: (rows) => end((each) => each.done(rows, context.head())),
      failed: (error) => end((each) => each.failed(error)),
    });
  }

  /** The reader wants nothing any more. */
  leave(reader: SnapshotReader): void {
    const reading = this.#reading;
    if (!reading?.readers.delete(reader) || reading.readers.size > 0) return;
    this.#reading = null;
    reading.abort.abort();
  }

  /** Every matching row as of `lsn`, the last change set folded in. */
  snapshot(kind: 'SNAPSHOT' | 'RESET', rows: readonly Row[], lsn: Lsn): Frame {
    return { kind, cursor: this.cursorAt(lsn), lsn, tick: this.#newestTick(), rows, removed: [] };
  }

  /** What changed after `from` up to `to`, named `lsn` (nothing changed after `to` up to it). */
  delta(from: Lsn, to: Lsn, lsn: Lsn): Frame {
    const rows: Row[] = [];
    const removed: Row[] = [];
    let newest: RowChange | null = null;
    let severalSessions = false;
    const changes = this.#changes(from, to, this.sessionId);
    for (const change of this.pinned ? changes.of(this.pinned) : changes.all) {
      if (change.after !== null && this.#matches(change.after)) rows.push(change.after);
      else if (this.#matchedBefore(change)) removed.push(this.#keyOf(change.before as Row));
      else continue;
      severalSessions ||= change.sessionId === null;
      severalSessions ||= newest !== null && newest.sessionId !== change.sessionId;
      if (newest === null || change.lsn >= newest.lsn) newest = change;
    }
    const tick = severalSessions ? null : (newest?.tick ?? null);
    return { kind: 'DELTA', cursor: this.cursorAt(lsn), lsn, tick, rows, removed };
  }

  heartbeat(lsn: Lsn): Frame {
    const cursor = this.cursorAt(lsn);
    return { kind: 'HEARTBEAT', cursor, lsn, tick: null, rows: [], removed: [] };
  }

  cursorAt(lsn: Lsn): string {
    const { name, frames } = this.#source;
    const stamp = frames.stampAt(lsn) ?? 0;
    return encodeCursor({ source: name, definition: this.definition, lsn, stamp });
  }

  /** The newest tick of the one session its rows belong to, as far back as the feed remembers. */
  #newestTick(): number | null {
    if (this.sessionId === null) return null;
    const { frames } = this.#source;
    for (let index = frames.size - 1; index >= 0; index--) {
      const frame = frames.at(index);
      if (frame?.sessionId === this.sessionId && frame.tick !== null) return frame.tick;
    }
    return null;
  }

  #matchedBefore({ before }: RowChange): boolean {
    if (before === null) return false;
    return this.#unknownBefore || this.#matches(before);
  }

  #keyOf(row: Row): Row {
    const key: Record<string, Value> = {};
    for (const name of this.#source.key) key[name] = row[name] ?? null;
    return key;
  }
}

/** A session is told by the tick, before any row is looked at. */
function pinnable({ sessionBound, readable }: FeedSource): ReadonlySet<string> {
  if (!sessionBound) return readable;
  return new Set([...readable].filter((column) => column !== 'sessionId'));
}

let nextSerial = 1;
