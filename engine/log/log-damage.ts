import { basename } from 'node:path';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';

/** A place in the log where a record that must be there cannot be read. */
export interface LogDamage {
  readonly segmentPath: string;
  readonly offset: number;
  /** The first record that cannot be read. */
  readonly lsn: Lsn;
  readonly reason: string;
}

/**
 * Why a damaged log refuses to open, and the mends. `asked` is the `truncateAt` given; a cut before
 * `replayFrom`, where recovery begins, has to be made before a checkpoint is chosen.
 */
export function damageError(damage: LogDamage, asked: Lsn | null, replayFrom: Lsn): EngineError {
  const { lsn, offset, reason } = damage;
  const segment = basename(damage.segmentPath);
  const place = `the log is damaged in segment ${damage.segmentPath} at offset ${offset}, record ${lsn}: ${reason}. Records before ${lsn} are whole.`;
  const restore = 'Restore a backup';
  const cut = `, or start once with --truncate-at ${lsn}, which drops record ${lsn} and all that follow it, acknowledged or not, and keeps their bytes aside in *.dropped`;
  const isCovered = lsn < replayFrom;
  const covered = isCovered ? `; the checkpoint at ${replayFrom - 1} goes with them` : '';
  const mends = isCovered && asked === lsn ? `${restore}.` : `${restore}${cut}${covered}.`;
  const mismatch = asked === null || asked === lsn ? '' : ` (${asked} was asked: nothing was cut.)`;
  return new EngineError('UNAVAILABLE', `${place} ${mends}${mismatch}`, {
    details: { segment, offset, lsn, reason },
  });
}
