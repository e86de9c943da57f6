/** Time and the event loop as feeds see them; a port, so that tests can hold them still. */
export interface Clock {
  /** Milliseconds from any origin, never going back. */
  now(): number;
  /** Calls once after so many milliseconds. Returns what cancels it. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Calls once, after what runs now and its promises: commits are answered before frames are made. */
  defer(callback: () => void): void;
  /** Calls once, in this turn, after all that promises settled by now lead to. */
  settle(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  defer: (callback) => void setImmediate(callback),
  // A tick that a promise's reaction asks for comes when no reaction is left.
  settle: (callback) => queueMicrotask(() => process.nextTick(callback)),
};
