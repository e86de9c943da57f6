import type { SkirmishTick } from './tickloom.ts';

export const unitsOfPlayer = 3;
export const attackCost = 5;

/** The units of a player have the numbers from `firstUnitOf(player)`. */
export function firstUnitOf(playerId: number): number {
  return playerId * unitsOfPlayer;
}

/** A player that needs no human: it knows the number of the tick, and nothing of the other. */
export class Bot {
  readonly playerId: number;
  readonly enemyId: number;

  constructor(playerId: number, enemyId: number) {
    this.playerId = playerId;
    this.enemyId = enemyId;
  }

  /** Gives one order: each unit in turn moves, harvests or attacks. */
  play(tick: SkirmishTick, number: number): void {
    const { playerId } = this;
    const unitId = firstUnitOf(playerId) + (number % unitsOfPlayer);
    const targetUnitId = firstUnitOf(this.enemyId) + (number % unitsOfPlayer);
    const actionId = `${number}-${playerId}`;
    // What must hold of the row that an effect changes, or the whole order is rejected.
    const own = { require: { ownerId: { eq: playerId }, health: { gt: 0 } } };
    switch (number % 5) {
      case 0:
        // An attack costs credits: who has too few is rejected, and the enemy's unit is unharmed.
        tick
          .action({ actionId, playerId, kind: 'ATTACK', unitId, targetUnitId })
          .wallets.adjust(
            { playerId },
            { credits: -attackCost },
            { require: { credits: { gte: 0 } } },
          )
          .ledger.append({ playerId, amount: -attackCost, reason: 'ATTACK' })
          .units.adjust({ unitId: targetUnitId }, { health: -10 });
        return;
      case 1:
        tick
          .action({ actionId, playerId, kind: 'HARVEST', unitId })
          .wallets.adjust({ playerId }, { credits: 3 })
          .ledger.append({ playerId, amount: 3, reason: 'HARVEST' });
        return;
      default:
        tick
          .action({ actionId, playerId, kind: 'MOVE', unitId })
          .units.adjust({ unitId }, { x: 1, y: 0.5 }, own);
    }
  }
}
