import type { CommandKind } from './order-kind.ts';

/**
 * A match as the importer commits it, whether it was recorded or is generated: ticks from 1 in
 * order, none left out, each with what players commanded in it. Reading it twice gives the same
 * ticks, which is what makes an import repeatable.
 */
export interface Match {
  /** Follows from the content, so that the same match is the same session. */
  readonly sessionId: string;
  readonly description: string;
  /** Armies that a client commands. */
  readonly players: number;
  readonly tickCount: number;
  ticks(): Iterable<MatchTick>;
  /** What a unit is; null where the match does not say, as recordings never do. */
  blueprintOf(unitId: number): string | null;
}

export interface MatchTick {
  readonly tick: number;
  readonly actions: readonly MatchAction[];
  readonly snapshots: readonly MatchSnapshot[];
  /** In the last tick only. */
  readonly metrics: readonly MatchMetric[];
}

/** One command of one player: a row of `actionLog`. */
export interface MatchAction {
  /** Unique in the match and the same at every reading: tick and place in it. */
  readonly actionId: string;
  readonly playerId: number;
  readonly kind: CommandKind;
  /** The units it names, as often as it names them. */
  readonly unitIds: readonly number[];
  readonly targetUnitId: number | null;
  /** The target's place on the ground plane. */
  readonly x: number | null;
  readonly y: number | null;
  readonly payload: Payload | null;
  /** Whether it gives its units a new order, which then is their state. */
  readonly commandsUnits: boolean;
}

export type Payload = { readonly [name: string]: PayloadValue };
export type PayloadValue =
  | string
  | number
  | boolean
  | null
  | readonly PayloadValue[]
  | { readonly [name: string]: PayloadValue };

/** The checksum that one client computed of the simulation. */
export interface MatchSnapshot {
  readonly source: string;
  /** Hexadecimal. */
  readonly checksum: string;
  /** The tick the checksum is of; clients report it a few ticks later. */
  readonly ofTick: number;
}

export interface MatchMetric {
  readonly name: string;
  readonly value: number;
}

/** The army that a unit belongs to for life: a unit given away becomes another with another id. */
export function ownerOf(unitId: number): number {
  return unitId >>> 20;
}
