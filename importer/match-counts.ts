import type { MatchMetric, MatchTick } from './match.ts';

/** What a match holds, counted while it goes by. */
export class MatchCounts {
  ticks = 0;
  actions = 0;
  orders = 0;
  unitReferences = 0;
  checksums = 0;
  /** Checksums that differ from the first one reported for the same tick. */
  desyncs = 0;
  readonly byKind = new Map<string, number>();
  readonly byPlayer = new Map<number, number>();
  readonly #units = new Set<number>();
  readonly #checksumByTick = new Map<number, string>();

  get distinctUnits(): number {
    return this.#units.size;
  }

  add(tick: MatchTick): void {
    this.ticks += 1;
    for (const action of tick.actions) {
      this.actions += 1;
      if (action.commandsUnits) this.orders += 1;
      this.unitReferences += action.unitIds.length;
      for (const unit of action.unitIds) this.#units.add(unit);
      increment(this.byKind, action.kind);
      increment(this.byPlayer, action.playerId);
    }
    for (const snapshot of tick.snapshots) {
      this.checksums += 1;
      const first = this.#checksumByTick.get(snapshot.ofTick);
      if (first === undefined) this.#checksumByTick.set(snapshot.ofTick, snapshot.checksum);
      else if (first !== snapshot.checksum) this.desyncs += 1;
    }
  }

  /** The rows of `matchMetrics` with which a match ends. */
  metrics(): MatchMetric[] {
    const players = [...this.byPlayer].sort(([a], [b]) => a - b);
    return [
      { name: 'ticks', value: this.ticks },
      { name: 'actions', value: this.actions },
      { name: 'orders', value: this.orders },
      { name: 'unitReferences', value: this.unitReferences },
      { name: 'distinctUnits', value: this.distinctUnits },
      { name: 'checksums', value: this.checksums },
      { name: 'desyncs', value: this.desyncs },
      ...players.map(([player, actions]) => ({ name: `player-${player}.actions`, value: actions })),
    ];
  }
}

/** Passes the ticks on, the last of them with the metrics of all. */
export function* withMetrics(ticks: Iterable<MatchTick>): Generator<MatchTick> {
  const counts = new MatchCounts();
  let held: MatchTick | null = null;
  for (const tick of ticks) {
    if (held) yield held;
    counts.add(tick);
    held = tick;
  }
  if (held) yield { ...held, metrics: counts.metrics() };
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
