import { createHash } from 'node:crypto';
import { SharedWork } from '../../govern/shared-work.ts';
import type { Ticket } from '../../govern/ticket.ts';
import type { WorkResult } from '../../govern/turns.ts';
import { stepUnits, type Work } from '../../govern/work.ts';
import type { Lsn } from '../../model/position.ts';
import type { Row, Value } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { rowUnits } from '../../query/condition-units.ts';
import { type PinnedValue, pinnedValue, sessionOf } from '../../query/fixed-values.ts';
import { namedColumns } from '../../query/named-columns.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import type { Frame } from '../view-engine.ts';
import type { ChannelDispatch } from './channel-dispatch.ts';
import { encodeCursor } from './cursor.ts';
import { FarSnapshot } from './far-snapshot.ts';
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

/** The rows of a snapshot, and what they are true of. */
export interface SnapshotRows {
  readonly rows: readonly Row[];
  readonly lsn: Lsn;
}

/** What a subscriber gets next, and up to where it has been told everything by that. */
export interface Step {
  /** Null: nothing concerned it. */
  readonly frame: Frame | null;
  readonly lsn: Lsn;
}

/** What a channel needs of its feed. */
export interface ChannelFeed {
  readonly dispatch: ChannelDispatch;
  /** As `FeedSource.changes`, for all channels of the feed. */
  readonly changes: (from: Lsn, to: Lsn, sessionId: string | null) => Work<RowChanges | null>;
  /** Starts work whose memory grows with the rows of the feed. */
  readonly startLarge: <T>(ticket: Ticket, work: Work<T>, result: WorkResult<T>) => void;
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
  /** The newest tick up to `known` that may have concerned it, as far as it was looked for. */
  #newest: { readonly known: Lsn; readonly lsn: Lsn | null } = { known: 0 as Lsn, lsn: null };
  readonly #snapshots = new SharedWork<SnapshotRows>();
  readonly #far: FarSnapshot;
  readonly #steps = new SharedWork<Step | null>();
  readonly #context: FeedContext;
  readonly #source: FeedSource;
  readonly #feed: ChannelFeed;
  /** What asking it of a changed row costs. */
  readonly #testUnits: number;
  readonly #matches: (row: Row) => boolean;
  /** The `where` names a column that is unknown before a change: any row may have matched. */
  readonly #unknownBefore: boolean;

  constructor(
    context: FeedContext,
    source: FeedSource,
    where: Condition | null,
    id: string,
    feed: ChannelFeed,
  ) {
    this.#context = context;
    this.#feed = feed;
    this.#testUnits = 2 * rowUnits(where);
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
    this.#far = new FarSnapshot(source, where, () => context.head());
    this.#matches = rowPredicate(where);
    this.#unknownBefore = namedColumns(where).some((name) => source.unknownBefore.has(name));
  }

  /** Up to where it is known which ticks concern it; `head` for one that every tick may concern. */
  knownUpTo(head: Lsn): Lsn {
    return this.pinned === null ? head : this.#feed.dispatch.position();
  }

  /** Whether a tick after `lsn` may have concerned it, of those up to `knownUpTo`. */
  hasNewsAfter(lsn: Lsn): boolean {
    return this.pinned === null || lsn < this.#concernedLsn;
  }

  /** The newest tick after `lsn` up to `known` that may have concerned it; null: none has. */
  newsAfter(lsn: Lsn, known: Lsn): Lsn | null {
    if (this.pinned !== null) return lsn < this.#concernedLsn ? this.#concernedLsn : null;
    if (known !== this.#newest.known || this.#newest.lsn === null) {
      this.#newest = { known, lsn: this.#source.ticks.newestOf(this.sessionId, lsn, known) };
    }
    const { lsn: newest } = this.#newest;
    return newest === null || newest <= lsn ? null : newest;
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
   * Reads every matching row, over turns of the event loop where there are many, or elsewhere where
   * they lie far; whoever asks meanwhile gets the same. It is read under the name of whoever asks
   * first, and goes on without it.
   */
  read(ticket: Ticket, waiter: WorkResult<SnapshotRows>): void {
    const far = this.#source.isTable ? this.#context.far() : null;
    if (far?.isFar(this.#source.name, this.where)) {
      this.#snapshots.join(this.#far.round, waiter, (signal, { done, failed }) => {
        void this.#far.read(ticket.shared(signal), far).then(done, failed);
      });
      return;
    }
    this.#snapshots.join('', waiter, (signal, { done, failed }) => {
      this.#context.turns.start(ticket.shared(signal), this.#source.snapshot(this.where), {
        done: (rows) => done({ rows, lsn: this.#context.head() }),
        failed,
      });
    });
  }

  /** Does `work`, named `name`, over turns of the event loop; whoever asks meanwhile gets the same. */
  step(
    ticket: Ticket,
    name: string,
    work: () => Work<Step | null>,
    waiter: WorkResult<Step | null>,
  ): void {
    this.#steps.join(name, waiter, (signal, result) =>
      this.#feed.startLarge(ticket.shared(signal), work(), result),
    );
  }

  /** The waiter wants nothing any more. */
  leave(waiter: WorkResult<SnapshotRows> | WorkResult<Step | null>): void {
    this.#snapshots.leave(waiter as WorkResult<SnapshotRows>);
    this.#steps.leave(waiter as WorkResult<Step | null>);
  }

  /** Every matching row as of `lsn`, the last change set folded in. */
  snapshot(kind: 'SNAPSHOT' | 'RESET', rows: readonly Row[], lsn: Lsn): Frame {
    return {
      kind,
      cursor: this.cursorAt(lsn),
      lsn,
      tick: this.#newestTick(lsn),
      rows,
      removed: [],
    };
  }

  /**
   * All that changed after `from` up to `to` in one frame, which may be empty. Null: the feed has
   * forgotten `from` meanwhile.
   */
  *merged(from: Lsn, to: Lsn): Work<Step | null> {
    const frame = yield* this.#delta(from, to);
    return frame && { frame, lsn: to };
  }

  /** The first tick after `from` up to `to` that concerned it. Null: as of `merged`. */
  *next(from: Lsn, to: Lsn): Work<Step | null> {
    const { ticks } = this.#source;
    for (let seen = from; ; ) {
      const index = ticks.indexAfter(seen);
      const tick = ticks.at(index);
      if (!tick || tick.lsn > to) return { frame: null, lsn: to };
      seen = tick.lsn;
      if (this.sessionId !== null && tick.sessionId !== this.sessionId) continue;
      const frame = yield* this.#delta((tick.lsn - 1) as Lsn, tick.lsn);
      if (frame === null) return null;
      if (frame.rows.length + frame.removed.length > 0) return { frame, lsn: tick.lsn };
    }
  }

  /**
   * What changed after `from` up to `to`. A frame that another subscriber may ask for as well is made
   * once: it is named by the ticks that it is of, not by how far the log has come meanwhile.
   */
  *#delta(from: Lsn, to: Lsn): Work<Frame | null> {
    if (this.subscribers.size < 2) return yield* this.#makeDelta(from, to);
    const key = `${this.serial}:${from}:${to}`;
    const known = this.#context.frames.get(key);
    if (known) return known;
    const made = yield* this.#makeDelta(from, to);
    if (made) this.#context.frames.set(key, made);
    return made;
  }

  *#makeDelta(from: Lsn, to: Lsn): Work<Frame | null> {
    const changes = yield* this.#feed.changes(from, to, this.sessionId);
    if (changes === null) return null;
    const rows: Row[] = [];
    const removed: Row[] = [];
    let newest: RowChange | null = null;
    let severalSessions = false;
    let units = 0;
    for (const change of this.pinned ? yield* changes.of(this.pinned) : changes.all) {
      units += this.#testUnits;
      if (units >= stepUnits) {
        yield units;
        units = 0;
      }
      if (change.after !== null && this.#matches(change.after)) rows.push(change.after);
      else if (this.#matchedBefore(change)) removed.push(this.#keyOf(change.before as Row));
      else continue;
      severalSessions ||= change.sessionId === null;
      severalSessions ||= newest !== null && newest.sessionId !== change.sessionId;
      if (newest === null || change.lsn >= newest.lsn) newest = change;
    }
    // A frame whose beginning is forgotten has a cursor that is, and a RESET behind it.
    if (from < this.#source.ticks.horizon) return null;
    const tick = severalSessions ? null : (newest?.tick ?? null);
    return { kind: 'DELTA', cursor: this.cursorAt(to), lsn: to, tick, rows, removed };
  }

  heartbeat(lsn: Lsn): Frame {
    const cursor = this.cursorAt(lsn);
    return { kind: 'HEARTBEAT', cursor, lsn, tick: null, rows: [], removed: [] };
  }

  cursorAt(lsn: Lsn): string {
    const { name, ticks } = this.#source;
    const stamp = ticks.stampAt(lsn) ?? 0;
    return encodeCursor({ source: name, definition: this.definition, lsn, stamp });
  }

  /** The newest tick up to `lsn` of the one session its rows belong to, as far as it is remembered. */
  #newestTick(lsn: Lsn): number | null {
    if (this.sessionId === null) return null;
    const { ticks } = this.#source;
    for (let index = ticks.indexAfter(lsn) - 1; index >= 0; index--) {
      const frame = ticks.at(index);
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
