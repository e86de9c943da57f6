import type { ReplayHeader } from './recorded/header.ts';

/**
 * The player id of each source: the index of the first army it commands, for that is what unit ids
 * carry. A source without an army is an observer; its id is past all armies, so that it owns no
 * unit and every order of it would be rejected.
 */
export function playerIds(header: ReplayHeader): number[] {
  return header.sources.map((_, source) => {
    const army = header.armies.findIndex((candidate) => candidate.source === source);
    return army >= 0 ? army : header.armies.length + source;
  });
}

/** What stands for a player's name. */
export function playerName(playerId: number): string {
  return `player-${playerId}`;
}
