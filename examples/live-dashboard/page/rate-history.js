/** Seconds that a history reaches back. */
export const historySeconds = 120;

/**
 * What one match did in each of the last seconds of the clock on the wall, as far as this page
 * saw it. The running second is kept apart until it is over.
 */
export class RateHistory {
  /** The second that `accepted.at(-1)` is of. */
  #second;
  accepted = new Array(historySeconds).fill(0);
  rejected = new Array(historySeconds).fill(0);
  ticks = new Array(historySeconds).fill(0);
  #running = { accepted: 0, rejected: 0, ticks: 0 };
  /** How many of the seconds were watched; before them nothing is known. */
  watched = 0;

  /** @param {number} nowMs */
  constructor(nowMs) {
    this.#second = Math.floor(nowMs / 1000) - 1;
  }

  /**
   * @param {number} nowMs
   * @param {{ accepted: number, rejected: number, ticks: number }} more
   */
  add(nowMs, more) {
    this.advance(nowMs);
    this.#running.accepted += more.accepted;
    this.#running.rejected += more.rejected;
    this.#running.ticks += more.ticks;
  }

  /** Closes the seconds that are over. @param {number} nowMs */
  advance(nowMs) {
    const over = Math.floor(nowMs / 1000) - 1;
    const gap = Math.min(over - this.#second, historySeconds);
    for (let i = 0; i < gap; i++) {
      this.accepted.push(this.#running.accepted);
      this.rejected.push(this.#running.rejected);
      this.ticks.push(this.#running.ticks);
      this.accepted.shift();
      this.rejected.shift();
      this.ticks.shift();
      this.watched = Math.min(historySeconds, this.watched + 1);
      this.#running = { accepted: 0, rejected: 0, ticks: 0 };
    }
    if (over > this.#second) this.#second = over;
  }

  /** Actions a second over the last few seconds. */
  get actionsPerSecond() {
    return mean(this.accepted, this.watched) + mean(this.rejected, this.watched);
  }

  get ticksPerSecond() {
    return mean(this.ticks, this.watched);
  }

  get peak() {
    let peak = 0;
    for (let i = 0; i < historySeconds; i++) {
      peak = Math.max(peak, this.accepted[i] + this.rejected[i]);
    }
    return peak;
  }
}

const meanSeconds = 5;

/**
 * @param {readonly number[]} values
 * @param {number} watched
 */
function mean(values, watched) {
  const seconds = Math.min(meanSeconds, watched);
  if (seconds === 0) return 0;
  let sum = 0;
  for (const value of values.slice(-seconds)) sum += value;
  return sum / seconds;
}
