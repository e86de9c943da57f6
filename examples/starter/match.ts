import { Bot, firstUnitOf, unitsOfPlayer } from './bot.ts';
import type { SkirmishClient } from './tickloom.ts';

export interface MatchOptions {
  readonly sessionId: string;
  readonly ticks: number;
  /** How long a tick lasts; 0 plays as fast as it goes. */
  readonly tickMs?: number;
}

export interface MatchResult {
  readonly accepted: number;
  readonly rejected: number;
}

/** Plays a match of two bots: the simulation decides, and commits each of its ticks as one. */
export async function playMatch(game: SkirmishClient, options: MatchOptions): Promise<MatchResult> {
  const { sessionId, ticks, tickMs = 0 } = options;
  const match = await game.openSession(sessionId);
  const bots = [new Bot(1, 2), new Bot(2, 1)];
  let accepted = 0;
  let rejected = 0;
  await match.commit(0, (tick) => {
    for (const { playerId } of bots) {
      tick.wallets.insert({ playerId, credits: 0 });
      for (let i = 0; i < unitsOfPlayer; i += 1) {
        const unitId = firstUnitOf(playerId) + i;
        tick.units.insert({ unitId, ownerId: playerId, x: playerId * 100, y: i * 10, health: 100 });
      }
    }
  });
  for (let number = 1; number <= ticks; number += 1) {
    const next = Date.now() + tickMs;
    // Durable, and in order, when it answers. Lost answers are asked for again by the client.
    const outcome = await match.commit(number, (tick) => {
      for (const bot of bots) bot.play(tick, number);
    });
    accepted += outcome.accepted;
    rejected += outcome.rejected;
    if (tickMs > 0) await new Promise((resolve) => setTimeout(resolve, next - Date.now()));
  }
  return { accepted, rejected };
}
