import type { EngineError } from '../../engine/model/errors.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Frame, SubscribeRequest, ViewEngine } from '../../engine/views/view-engine.ts';
import { testTicket } from '../ticket.ts';
import type { ManualClock } from './manual-clock.ts';
import { keyText } from './naive-view.ts';

/** A client of one subscription: folds frames by key, as clients do. */
export class Follower {
  readonly source: string;
  readonly request: SubscribeRequest;
  readonly frames: Frame[] = [];
  /** What the frames so far add up to, by key. */
  readonly rows = new Map<string, Row>();
  /** Frames that a test has looked at. */
  checked = 0;
  failure: EngineError | null = null;
  ended = false;
  readonly #key: readonly string[];
  readonly #clock: ManualClock;
  #iterator: AsyncIterableIterator<Frame>;
  #pulling = false;

  constructor(
    views: ViewEngine,
    clock: ManualClock,
    source: string,
    key: readonly string[],
    request: Partial<SubscribeRequest> = {},
  ) {
    this.source = source;
    this.request = { where: null, cursor: null, maxRate: null, onLag: 'COALESCE', ...request };
    this.#key = key;
    this.#clock = clock;
    this.#iterator = views.subscribe(testTicket, source, this.request);
  }

  get last(): Frame | undefined {
    return this.frames.at(-1);
  }

  /** Asks for one frame; returns it if it has come by the time that nothing is left to do. */
  async pull(): Promise<Frame | null> {
    const had = this.frames.length;
    this.ask();
    await this.#clock.turn();
    return this.frames[had] ?? null;
  }

  /** Asks for one frame, which comes when it does. */
  ask(): void {
    if (!this.#pulling && !this.ended && !this.failure) {
      this.#pulling = true;
      this.#iterator.next().then(
        (result) => {
          this.#pulling = false;
          if (result.done) this.ended = true;
          else this.#fold(result.value);
        },
        (error) => {
          this.#pulling = false;
          this.failure = error;
        },
      );
    }
  }

  /** Pulls until nothing comes. */
  async drain(): Promise<readonly Frame[]> {
    const from = this.frames.length;
    while (await this.pull());
    return this.frames.slice(from);
  }

  async stop(): Promise<void> {
    await this.leave();
    await this.#clock.turn();
  }

  /** Stops without a turn. */
  async leave(): Promise<void> {
    await this.#iterator.return?.();
  }

  /** Goes on elsewhere from the last cursor, knowing what it knew. */
  async reconnect(views: ViewEngine): Promise<void> {
    await this.stop();
    this.ended = false;
    this.failure = null;
    const cursor = this.last?.cursor ?? null;
    this.#iterator = views.subscribe(testTicket, this.source, { ...this.request, cursor });
  }

  keyOf(row: Row): string {
    return keyText(Object.fromEntries(this.#key.map((name) => [name, row[name] ?? null])));
  }

  #fold(frame: Frame): void {
    this.frames.push(frame);
    if (frame.kind === 'SNAPSHOT' || frame.kind === 'RESET') this.rows.clear();
    for (const key of frame.removed) this.rows.delete(this.keyOf(key));
    for (const row of frame.rows) this.rows.set(this.keyOf(row), row);
  }
}
