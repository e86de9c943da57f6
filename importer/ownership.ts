import type { RejectedAction } from '@tickloom/sdk';
import { type MatchAction, ownerOf } from './match.ts';
import { playerName } from './players.ts';

/** The verdict that the ownership rule alone foretells. */
export function expectedVerdict(action: MatchAction): 'ACCEPTED' | 'REJECTED' {
  if (!action.commandsUnits) return 'ACCEPTED';
  const foreign = action.unitIds.some((unit) => ownerOf(unit) !== action.playerId);
  return foreign ? 'REJECTED' : 'ACCEPTED';
}

/** Why the server rejected an order, in the terms of the match. */
export function explainRejection(action: MatchAction, rejection: RejectedAction): string {
  const { conflict } = rejection;
  const who = `${playerName(action.playerId)}'s ${action.kind} ${action.actionId}`;
  const unit = conflict?.key.unitId;
  if (conflict?.code === 'GUARD_FAILED' && typeof unit === 'number') {
    const owner = ownerOf(unit);
    if (owner !== action.playerId) {
      const others = action.unitIds.length - 1;
      return `${who} names unit ${unit} of army ${owner}${others > 0 ? ` beside ${others} more` : ''}`;
    }
  }
  const what = conflict ? `${conflict.code}: ${conflict.message}` : 'no conflict given';
  return `${who} was rejected beyond the ownership rule (${what})`;
}
