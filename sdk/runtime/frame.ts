import type { Position } from './position.ts';

/**
 * One message of a subscription. `rows` replace, `removed` leave; SNAPSHOT and RESET start over.
 * Folding the frames gives the rows at `position`: no gap, no repeat that matters.
 */
export interface Frame<Row, Key> {
  /**
   * - `SNAPSHOT`: all rows; the first frame.
   * - `DELTA`: what changed since the frame before.
   * - `RESET`: all rows anew; the cursor was too old or the view changed.
   * - `HEARTBEAT`: nothing changed up to `position`.
   */
  readonly kind: 'SNAPSHOT' | 'DELTA' | 'RESET' | 'HEARTBEAT';
  /** Where to resume from, after a restart of this process too. */
  readonly cursor: string;
  readonly position: Position;
  /** The tick behind the newest change, where all changes are of one session. */
  readonly tick: number | null;
  readonly rows: readonly Row[];
  readonly removed: readonly Key[];
}
