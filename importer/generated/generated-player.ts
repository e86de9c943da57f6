import type { MatchAction, Payload } from '../match.ts';
import type { OrderKind } from '../order-kind.ts';
import { type Random, Weighted } from './random.ts';

type Command = Omit<MatchAction, 'actionId'>;

/** What one player of a generated match does, tick by tick. */
export class GeneratedPlayer {
  readonly #id: number;
  readonly #players: number;
  readonly #unitsMost: number;
  readonly #random: Random;
  /** How busy this player is beside the others: a few do most. */
  readonly #skill: number;
  /** Slowly wandering logarithm of the rate: calm minutes and hectic ones. */
  #mood = 0;
  #commandId = 0;

  constructor(id: number, players: number, unitsMost: number, random: Random) {
    this.#id = id;
    this.#players = players;
    this.#unitsMost = unitsMost;
    this.#random = random;
    this.#skill = Math.exp(0.55 * random.normal());
  }

  /** The commands of one tick. `progress` is the part of the match gone by, above 0 to 1. */
  commands(progress: number): Command[] {
    const units = Math.max(1, Math.round(this.#unitsMost * Math.min(1, 1.3 * progress)));
    this.#mood = moodMemory * this.#mood + moodStep * this.#random.normal();
    const rate = this.#skill * Math.exp(this.#mood) * (0.6 + 0.8 * Math.sqrt(progress));
    const commands: Command[] = [];
    for (const gesture of gestures) {
      const times = this.#random.poisson((gesture.perSecond / ticksPerSecond) * rate);
      for (let i = 0; i < times; i++) this.#add(gesture.kind, units, commands);
    }
    return commands;
  }

  #add(gesture: Gesture, units: number, commands: Command[]): void {
    switch (gesture) {
      case 'order':
        commands.push(this.#order(units));
        return;
      case 'toggle':
        commands.push(...this.#toggles(units));
        return;
      case 'callback': {
        const name = callbackNames.pick(this.#random);
        const unitIds = name === 'GroupAssign' ? [] : this.#select(units, 1.2);
        commands.push({ ...this.#bare('CALLBACK', { name }), unitIds });
        return;
      }
      case 'dequeue':
        commands.push({
          ...this.#bare('DEQUEUE', { commandId: this.#recentCommand() }),
          unitIds: this.#select(1, 0),
        });
        return;
      case 'count':
        commands.push(this.#bare('COUNT', { commandId: this.#recentCommand(), delta: -1 }));
        return;
      case 'retarget':
        commands.push({
          ...this.#bare('RETARGET', { commandId: this.#recentCommand(), change: 'target' }),
          ...this.#place(),
        });
    }
  }

  #order(units: number): Command {
    const kind = orderKindWeights.pick(this.#random);
    const built = builtBy[kind];
    const unitIds = this.#select(units, orderSizeSpread);
    if (this.#random.unit() < foreignOrderShare) unitIds.push(this.#foreignUnit(units));
    this.#commandId += 1;
    return {
      ...this.#bare(kind, {
        commandId: this.#commandId,
        ...(built ? { blueprint: built.pick(this.#random) } : {}),
        ...(unitIds.length > 8 && kind === 'MOVE' ? { formation: this.#random.below(2) } : {}),
      }),
      unitIds,
      ...(atUnits.has(kind) ? { targetUnitId: this.#foreignUnit(units) } : this.#place()),
      commandsUnits: true,
    };
  }

  /** One press of a button toggles each unit selected: a row a unit, all in one tick. */
  #toggles(units: number): Command[] {
    const name = toggleNames.pick(this.#random);
    const value = this.#random.below(2) === 0;
    return this.#select(units, toggleSizeSpread).map((unit) => ({
      ...this.#bare('TOGGLE', { name, value: String(value) }),
      unitIds: [unit],
    }));
  }

  #bare(kind: Command['kind'], payload: Payload): Command {
    return {
      playerId: this.#id,
      kind,
      unitIds: [],
      targetUnitId: null,
      x: null,
      y: null,
      payload,
      commandsUnits: false,
    };
  }

  /** Some of the first `units` units: log-normally many, neighbours, as a control group is. */
  #select(units: number, spread: number): number[] {
    const size = Math.exp(0.4 * spread + spread * this.#random.normal());
    const count = Math.min(units, Math.max(1, Math.floor(size)));
    const first = this.#random.below(units);
    return Array.from({ length: count }, (_, i) => unitId(this.#id, (first + i) % units));
  }

  #foreignUnit(units: number): number {
    const other = (this.#id + 1 + this.#random.below(this.#players - 1)) % this.#players;
    return unitId(other, this.#random.below(units));
  }

  /** On a map of 1024 by 1024, in eighths, which a 32-bit float holds exactly. */
  #place(): { readonly x: number; readonly y: number } {
    return { x: this.#random.below(8192) / 8, y: this.#random.below(8192) / 8 };
  }

  #recentCommand(): number {
    return Math.max(0, this.#commandId - this.#random.below(8));
  }
}

/** What a unit of a generated match is, by its place in its army; the first commands. */
export function generatedBlueprint(unitId: number): string {
  const index = unitId % 2 ** 20;
  return index === 0 ? 'commander' : (unitBlueprints[index % unitBlueprints.length] as string);
}

function unitId(army: number, index: number): number {
  return army * 2 ** 20 + index;
}

const unitBlueprints = ['tank', 'engineer', 'artillery', 'scout', 'bomber'] as const;

type Gesture = 'order' | 'toggle' | 'callback' | 'dequeue' | 'count' | 'retarget';

const ticksPerSecond = 10;
/** With this memory and step a mood forgets by half in some 20 seconds and wanders by half an e-fold. */
const moodMemory = 0.9965;
const moodStep = 0.05;
const orderSizeSpread = 2.1;
const toggleSizeSpread = 1.8;
const foreignOrderShare = 0.004;

const gestures: readonly { readonly kind: Gesture; readonly perSecond: number }[] = [
  { kind: 'order', perSecond: 0.6 },
  { kind: 'toggle', perSecond: 0.085 },
  { kind: 'callback', perSecond: 0.065 },
  { kind: 'dequeue', perSecond: 0.03 },
  { kind: 'count', perSecond: 0.012 },
  { kind: 'retarget', perSecond: 0.004 },
];

const orderKindWeights = new Weighted<OrderKind>([
  ['MOVE', 38],
  ['BUILD_FACTORY', 19],
  ['BUILD_MOBILE', 13],
  ['GUARD', 10],
  ['RECLAIM', 6],
  ['ATTACK', 6],
  ['AGGRESSIVE_MOVE', 3],
  ['PATROL', 2],
  ['UPGRADE', 2],
  ['REPAIR', 1],
]);
const atUnits: ReadonlySet<OrderKind> = new Set(['ATTACK', 'GUARD', 'RECLAIM', 'REPAIR']);
const factoryUnits = new Weighted([
  ['scout', 2],
  ['tank', 5],
  ['artillery', 3],
  ['engineer', 3],
  ['bomber', 1],
]);
const structures = new Weighted([
  ['extractor', 3],
  ['generator', 4],
  ['land-factory', 2],
  ['air-factory', 1],
  ['tower', 3],
]);
const builtBy: { readonly [kind in OrderKind]?: Weighted<string> } = {
  BUILD_FACTORY: factoryUnits,
  BUILD_MOBILE: structures,
  UPGRADE: structures,
};
const toggleNames = new Weighted([
  ['SetPaused', 5],
  ['ToggleScriptBit', 5],
  ['SetFireState', 2],
  ['SetRepeatQueue', 1],
]);
const callbackNames = new Weighted([
  ['GroupAssign', 3],
  ['Rebuild', 2],
  ['DistributeOrders', 2],
  ['Ping', 1],
]);
