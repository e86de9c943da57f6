/** Where the bodies of a session's ticks come from. */
export interface TickBodies {
  /** Rows of one tick: what the benchmark counts. */
  readonly rows: number;
  readonly contentType: string;
  /**
   * The body of the session's next tick, to be given back once it is answered. Bodies must be
   * sent in the order they are asked for: swaps count on each other's versions.
   */
  bodyOf(tick: number): Uint8Array;
  giveBack(body: Uint8Array): void;
}

/** The state of the rows that a session's swaps go to, as its only writer knows it. */
export interface UnitVersions {
  readonly versions: Uint32Array;
  /** Which units are swapped, over and over. */
  readonly picks: Uint32Array;
  next: number;
}

/** Digits of a tick in an action's id. */
export const tickDigits = 7;
/** Digits of an action's index in its id. */
export const indexDigits = 6;

/** The kinds of a match's orders, the frequent ones first. */
export const orderKinds = ['MOVE', 'ATTACK', 'TOGGLE', 'BUILD_MOBILE', 'GUARD', 'RECLAIM'] as const;

export function writeDigits(body: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    body[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** As `writeDigits`, with spaces before: JSON allows no zeros there. */
export function writePadded(body: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  let i = at + width - 1;
  do {
    body[i--] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  } while (rest > 0 && i >= at);
  while (i >= at) body[i--] = 32;
}
