import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { servingLimits } from '../serving-limits.ts';
import { type Mends, type OpenTitle, openTitle, type SharedParts } from './open-title.ts';
import type { TitleCondition } from './title-condition.ts';

interface Entry {
  state: TitleCondition['state'] | 'suspended';
  /** Null while it is being opened or suspended. */
  title: OpenTitle | null;
  readonly isOfStart: boolean;
}

export const noMends: Mends = { truncateAt: null, acceptLostRows: false };

/** A title to be opened with the server. */
export interface TitleToOpen {
  readonly manifest: TitleManifest;
  readonly mends: Mends;
}

/** The titles of a server. They are opened and closed while it runs; none notices another. */
export class TitleRegistry {
  readonly #shared: SharedParts;
  readonly #entries = new Map<string, Entry>();

  constructor(shared: SharedParts) {
    this.#shared = shared;
  }

  /** Opens those that the server is started with; rejects where one of them cannot be opened. */
  async openAll(titles: readonly TitleToOpen[]): Promise<void> {
    const outcomes = await Promise.allSettled(
      titles.map(({ manifest, mends }) => this.#open(manifest, mends, true)),
    );
    throwFirst(outcomes);
  }

  /**
   * Opens a title beside the others; it is served from when this resolves. Rejects with why it
   * cannot be, and the others go on: `BAD_USER_INPUT` where it is open already, `LIMIT_EXCEEDED`,
   * `MIGRATION_REFUSED`, `UNAVAILABLE` for a log that cannot be read.
   */
  open(manifest: TitleManifest): Promise<void> {
    return this.#open(manifest, noMends, false);
  }

  async #open(manifest: TitleManifest, mends: Mends, isOfStart: boolean): Promise<void> {
    const name = manifest.title;
    const { titlesMax } = servingLimits;
    const before = this.#entries.get(name);
    if (before !== undefined && before.state !== 'suspended') {
      throw new EngineError('BAD_USER_INPUT', `the title "${name}" is open already`);
    }
    if (this.#entries.size >= titlesMax) {
      throw new EngineError('LIMIT_EXCEEDED', `one server has ${titlesMax} titles at most`, {
        details: { limit: 'titlesMax', max: titlesMax },
      });
    }
    const entry: Entry = { state: 'opening', title: null, isOfStart };
    this.#entries.set(name, entry);
    try {
      const title = await openTitle(this.#shared, manifest, mends);
      if (this.#entries.get(name) !== entry) {
        await title.close(0);
        throw new EngineError('UNAVAILABLE', 'the server is stopping');
      }
      entry.title = title;
      entry.state = 'open';
    } catch (error) {
      if (this.#entries.get(name) === entry) {
        if (before === undefined) this.#entries.delete(name);
        else this.#entries.set(name, before);
      }
      throw error;
    }
  }

  /**
   * Closes a title: new requests answer `UNAVAILABLE`, subscribers are told to go, what runs is
   * finished, and its data is as after any orderly end. Throws `UNKNOWN_TITLE`, and `UNAVAILABLE`
   * while it is being opened or closed.
   */
  async close(name: string): Promise<void> {
    const title = this.get(name);
    const entry = this.#entries.get(name) as Entry;
    entry.state = 'closing';
    try {
      await title.close(this.#shared.settings.drainMs);
    } finally {
      this.#entries.delete(name);
    }
  }

  /** Has the name of a title that is not open answer that it is suspended. */
  suspend(name: string): void {
    if (this.#entries.has(name)) throw new RangeError(`the title "${name}" is open`);
    this.#entries.set(name, { state: 'suspended', title: null, isOfStart: false });
  }

  /** Forgets that a title is suspended: its name is unknown from then on. */
  forget(name: string): void {
    if (this.#entries.get(name)?.state === 'suspended') this.#entries.delete(name);
  }

  isOpen(name: string): boolean {
    return this.#entries.get(name)?.state === 'open';
  }

  /**
   * Closes all, at the server's end, when no request runs any more. One that is still being opened is
   * not waited for: it is closed as soon as it is open.
   */
  async closeAll(): Promise<void> {
    const open = this.#served();
    this.#entries.clear();
    throwFirst(await Promise.allSettled(open.map((title) => title.close(0))));
  }

  /** Tells the subscribers of all titles to go elsewhere. */
  async leaveSubscribers(): Promise<void> {
    await Promise.all(this.#served().map((title) => title.leaveSubscribers()));
  }

  /** The title of this name. Throws `UNKNOWN_TITLE`, and `UNAVAILABLE` while it does not serve. */
  get(name: string): OpenTitle {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      // Strangers ask, too: what else a server of several titles has is not told.
      const [only, ...others] = this.#entries.keys();
      const isOnly = only !== undefined && others.length === 0;
      throw new EngineError(
        'UNKNOWN_TITLE',
        isOnly
          ? `there is no title "${name}" here; this server serves "${only}"`
          : `there is no title "${name}" here`,
      );
    }
    const { state, title } = entry;
    if (state === 'suspended') {
      throw new EngineError('UNAVAILABLE', `the title "${name}" is suspended by its operator`, {
        retryAfterMs: suspendedRetryMs,
      });
    }
    if (title === null || state !== 'open') {
      const what = state === 'opening' ? 'opened' : 'closed';
      throw new EngineError('UNAVAILABLE', `the title "${name}" is being ${what}`, {
        retryAfterMs: 1_000,
      });
    }
    return title;
  }

  /** The only title; where there are several, `UNKNOWN_TITLE` says how one is named. */
  only(): OpenTitle {
    const [only, ...others] = this.#entries.keys();
    if (only !== undefined && others.length === 0) return this.get(only);
    throw new EngineError(
      'UNKNOWN_TITLE',
      only === undefined
        ? 'this server has no title open'
        : 'this server has several titles: name one in the path, as in /{title}/graphql',
    );
  }

  /** The names of all titles that are served, those that are being opened or closed among them. */
  names(): string[] {
    return this.conditions().map(({ name }) => name);
  }

  /** The manifests of the titles that are served. */
  manifests(): TitleManifest[] {
    return this.#served().map(({ engine }) => engine.catalog.manifest);
  }

  /** The conditions of all titles but suspended ones, which nobody waits for. */
  conditions(): TitleCondition[] {
    return [...this.#entries].flatMap(([name, { state, title, isOfStart }]) => {
      if (state === 'suspended') return [];
      const recoveredLsn = title?.recoveredLsn ?? null;
      const engine = title?.engine ?? null;
      const audit = title?.audit.log ?? null;
      return [{ name, state, engine, audit, recoveredLsn, isOfStart }];
    });
  }

  #served(): OpenTitle[] {
    return [...this.#entries.values()].flatMap(({ state, title }) =>
      state === 'open' && title !== null ? [title] : [],
    );
  }
}

/** Nobody knows when its operator resumes a title: clients ask again rarely. */
const suspendedRetryMs = 60_000;

/** Throws what went wrong first, now that the others are done as well. */
function throwFirst(outcomes: readonly PromiseSettledResult<void>[]): void {
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
