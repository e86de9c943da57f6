import { createHash } from 'node:crypto';
import { GeneratedPlayer, generatedBlueprint } from './generated-player.ts';
import type { Match, MatchAction, MatchSnapshot, MatchTick } from '../match.ts';
import { withMetrics } from '../match-counts.ts';
import { playerName } from '../players.ts';
import { Random } from './random.ts';

export interface GeneratedMatchOptions {
  /** Units of all players together at the end. */
  readonly units: number;
  readonly players: number;
  readonly ticks: number;
  readonly seed: number;
}

export const generatedMatchDefaults: GeneratedMatchOptions = {
  units: 2_000,
  players: 8,
  ticks: 6_000,
  seed: 1,
};

const checksumEveryTicks = 50;
const checksumDelayTicks = { least: 2, most: 6 };

/**
 * A match that never was, of the shape of real ones: half of all rows are toggles, they come in
 * bursts, orders name from one unit to all a player has, armies grow, some players are far
 * busier than others, every client reports a checksum each 50 ticks, and now and then an order
 * reaches for a unit of another army, which the ownership rule must reject. The same options
 * give the same match.
 */
export function generatedMatch(options: GeneratedMatchOptions): Match {
  const { units, players, ticks, seed } = options;
  checkOptions(options);
  return {
    sessionId: `generated-u${units}-p${players}-t${ticks}-s${seed}`,
    description: `a generated match of ${players} players`,
    players,
    tickCount: ticks,
    ticks: () => withMetrics(generateTicks(options)),
    blueprintOf: generatedBlueprint,
  };
}

function* generateTicks(options: GeneratedMatchOptions): Generator<MatchTick> {
  const random = new Random(options.seed);
  const unitsEach = Math.floor(options.units / options.players);
  const players = Array.from(
    { length: options.players },
    (_, id) => new GeneratedPlayer(id, options.players, unitsEach, random),
  );
  const checksums = new ChecksumReports(options, random);
  for (let tick = 1; tick <= options.ticks; tick++) {
    const progress = tick / options.ticks;
    const actions: MatchAction[] = [];
    for (const player of players) {
      for (const command of player.commands(progress)) {
        actions.push({ actionId: `${tick}-${actions.length}`, ...command });
      }
    }
    yield { tick, actions, snapshots: checksums.due(tick), metrics: [] };
  }
}

/** Every client's checksum of every 50th tick, each reported a few ticks later. */
class ChecksumReports {
  readonly #options: GeneratedMatchOptions;
  readonly #random: Random;
  readonly #byTick = new Map<number, MatchSnapshot[]>();

  constructor(options: GeneratedMatchOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  due(tick: number): readonly MatchSnapshot[] {
    if (tick % checksumEveryTicks === 0) this.#schedule(tick);
    const due = this.#byTick.get(tick) ?? [];
    this.#byTick.delete(tick);
    return due;
  }

  #schedule(ofTick: number): void {
    const checksum = createHash('md5').update(`${this.#options.seed} ${ofTick}`).digest('hex');
    const { least, most } = checksumDelayTicks;
    for (let player = 0; player < this.#options.players; player++) {
      const tick = ofTick + least + this.#random.below(most - least + 1);
      const reports = this.#byTick.get(tick) ?? [];
      reports.push({ source: playerName(player), checksum, ofTick });
      this.#byTick.set(tick, reports);
    }
  }
}

/** A unit id has 12 bits of army and 20 of index; GraphQL's `Int` leaves 11 of the 12. */
export const generatedBounds = {
  units: { least: 2, most: 1_000_000 },
  players: { least: 2, most: 64 },
  ticks: { least: 1, most: 10_000_000 },
  seed: { least: 0, most: 2 ** 31 - 1 },
} as const;

function checkOptions(options: GeneratedMatchOptions): void {
  for (const [name, { least, most }] of Object.entries(generatedBounds)) {
    const value = options[name as keyof GeneratedMatchOptions];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
    }
  }
  if (options.units < options.players) {
    throw new RangeError(`${options.players} players need at least as many units`);
  }
}
