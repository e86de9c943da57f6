/**
 * Entries of a ring are numbered without end, and entry n lies at n modulo the capacity. Where the
 * capacity doubles, what is held moves in at most two pieces:
 *
 * ```
 * capacity 4, held 3 to 6:   [ 4  5  6 | 3 ]
 * capacity 8:                [ -  -  - | 3 | 4  5  6 | - ]
 * ```
 *
 * Calls `move` for each piece. `capacity` is a multiple of `before`, which holds `start` to `end` - 1.
 */
export function eachRingRange(
  start: number,
  end: number,
  before: number,
  capacity: number,
  move: (from: number, to: number, count: number) => void,
): void {
  for (let entry = start; entry < end; ) {
    const count = Math.min(end - entry, before - (entry % before));
    move(entry % before, entry % capacity, count);
    entry += count;
  }
}
