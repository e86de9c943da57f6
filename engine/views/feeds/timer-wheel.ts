import type { Clock } from './clock.ts';

export interface WheelItem {
  /** Where it waits; the wheel's own. */
  slot: number | null;
  onDue(nowMs: number): void;
}

/**
 * Many waits on one timer. Waits end on a grid of `gridMs`, never early: tens of thousands of
 * subscribers with a rate or a heartbeat share the slots of the grid.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #gridMs: number;
  readonly #slots = new Map<number, Set<WheelItem>>();
  #armed: { readonly slot: number; readonly cancel: () => void } | null = null;

  constructor(clock: Clock, gridMs: number) {
    this.#clock = clock;
    this.#gridMs = gridMs;
  }

  /** An item waits once: a second call moves it. */
  schedule(item: WheelItem, dueMs: number): void {
    this.cancel(item);
    const slot = Math.ceil(dueMs / this.#gridMs);
    item.slot = slot;
    const items = this.#slots.get(slot);
    if (items) items.add(item);
    else this.#slots.set(slot, new Set([item]));
    if (this.#armed === null || slot < this.#armed.slot) this.#arm(slot);
  }

  cancel(item: WheelItem): void {
    if (item.slot === null) return;
    const items = this.#slots.get(item.slot);
    items?.delete(item);
    if (items?.size === 0) this.#slots.delete(item.slot);
    item.slot = null;
  }

  close(): void {
    this.#armed?.cancel();
    this.#armed = null;
    for (const items of this.#slots.values()) for (const item of items) item.slot = null;
    this.#slots.clear();
  }

  #arm(slot: number): void {
    this.#armed?.cancel();
    const ms = Math.max(slot * this.#gridMs - this.#clock.now(), 0);
    this.#armed = { slot, cancel: this.#clock.setTimer(ms, () => this.#fire()) };
  }

  #fire(): void {
    this.#armed = null;
    const now = this.#clock.now();
    const due = [...this.#slots.keys()].filter((slot) => slot * this.#gridMs <= now);
    due.sort((a, b) => a - b);
    for (const slot of due) {
      const items = this.#slots.get(slot);
      this.#slots.delete(slot);
      for (const item of items ?? []) {
        // A neighbour's `onDue` may have cancelled or moved it.
        if (item.slot !== slot) continue;
        item.slot = null;
        item.onDue(now);
      }
    }
    if (this.#slots.size > 0) this.#arm(Math.min(...this.#slots.keys()));
  }
}
