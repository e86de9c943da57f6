/**
 * The memory of a ring whose entries are numbered without end and dropped oldest first, page by
 * page. It grows and goes round without moving an entry: no tick pays for those before it.
 *
 * ```
 *   dropped, their pages used again      held             room
 * ─────────────────────────────────┬──────┬──────┬──────┬──────▶ entry
 *                                  page   page   page
 * ```
 */
export class PagedRing<Page> {
  readonly #pageEntries: number;
  readonly #create: () => Page;
  /** The pages held; the first begins with entry `#base`. */
  readonly #pages: Page[] = [];
  /** A page that was dropped, to be used again. */
  #spare: Page | null = null;
  #base = 0;

  constructor(pageEntries: number, create: () => Page) {
    this.#pageEntries = pageEntries;
    this.#create = create;
  }

  /** Where in its page an entry lies. */
  indexOf(entry: number): number {
    return entry % this.#pageEntries;
  }

  /** `entry` must be within what `hold` was told last. */
  pageOf(entry: number): Page {
    return this.#pages[Math.floor((entry - this.#base) / this.#pageEntries)] as Page;
  }

  /** Makes the entries from `start` to `end` - 1 the ones held. Neither ever falls. */
  hold(start: number, end: number): void {
    while (start - this.#base >= this.#pageEntries) {
      this.#spare = this.#pages.shift() ?? this.#spare;
      this.#base += this.#pageEntries;
    }
    while (this.#base + this.#pages.length * this.#pageEntries < end) {
      this.#pages.push(this.#spare ?? this.#create());
      this.#spare = null;
    }
  }
}
