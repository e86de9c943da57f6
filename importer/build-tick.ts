import type { AshfallTick } from '../examples/ashfall/tickloom.ts';
import { type Match, type MatchAction, type MatchTick, ownerOf } from './match.ts';

/**
 * Turns ticks of a match into ticks of `ashfall`, in order. The same match gives the same ticks,
 * byte by byte, which is what lets the server know a tick that comes again.
 */
export class TickWriter {
  readonly #match: Match;
  /** Units an accepted order has named: their rows are there. */
  readonly #introduced = new Set<number>();

  constructor(match: Match) {
    this.#match = match;
  }

  write(source: MatchTick, tick: AshfallTick): void {
    for (const action of source.actions) this.#writeAction(action, tick);
    for (const { source: client, checksum, ofTick } of source.snapshots) {
      tick.stateSnapshot.append({ source: client, checksum, data: { tick: ofTick } });
    }
    for (const metric of source.metrics) tick.matchMetrics.append(metric);
  }

  /**
   * An order takes all its units or none: each must belong to the player who gives it.
   *
   * `require` guards rows that exist, so a unit no order named before is first put there with the
   * army that its id carries. Were it left out, the first order of anybody would take the unit.
   */
  #writeAction(action: MatchAction, tick: AshfallTick): void {
    const { actionId, playerId, kind, unitIds, targetUnitId, x, y, payload } = action;
    const row = tick.action({ actionId, playerId, kind, unitIds, targetUnitId, x, y, payload });
    if (!action.commandsUnits) return;
    const rejected = unitIds.some((unit) => ownerOf(unit) !== playerId);
    for (const unitId of unitIds) {
      if (this.#introduced.has(unitId)) continue;
      const blueprint = this.#match.blueprintOf(unitId);
      row.unitState.upsert({ unitId }, { ownerId: ownerOf(unitId), blueprint });
      if (!rejected) this.#introduced.add(unitId);
    }
    const order = { orderKind: kind, targetUnitId, x, y };
    const require = { ownerId: { eq: playerId } };
    for (const unitId of unitIds) row.unitState.upsert({ unitId }, order, { require });
  }
}
