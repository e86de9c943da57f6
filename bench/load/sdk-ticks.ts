import { AshfallClient, type AshfallTick } from '../../examples/ashfall/tickloom.ts';
import type { LoadConfig, LoadRows } from './load-config.ts';
import { Random } from './random.ts';
import { indexDigits, orderKinds, tickDigits } from './tick-bodies.ts';

type Actions = Extract<LoadRows, { readonly kind: 'actions' }>;
type TickPipeline = ReturnType<Awaited<ReturnType<AshfallClient['openSession']>>['pipeline']>;

/** Ticks as a game server's own code builds them, and as the SDK encodes and sends them. */
export class SdkTicks {
  readonly #rows: Actions;
  readonly #random: Random;
  readonly #pipeline: TickPipeline;

  private constructor(rows: Actions, random: Random, pipeline: TickPipeline) {
    this.#rows = rows;
    this.#random = random;
    this.#pipeline = pipeline;
  }

  static async open(config: LoadConfig, sessionId: string, seed: number): Promise<SdkTicks> {
    const { rows, url, token } = config;
    if (rows.kind !== 'actions') throw new Error(`the SDK's load has no ${rows.kind}`);
    const session = await clientOf(url, token).openSession(sessionId);
    return new SdkTicks(rows, new Random(seed), session.pipeline({ inFlightMax: 64 }));
  }

  async commit(tick: number) {
    return await this.#pipeline.commit(tick, (building) => this.#build(tick, building));
  }

  #build(tick: number, building: AshfallTick): void {
    const { rows, upserts, units } = this.#rows;
    const random = this.#random;
    const prefix = String(tick).padStart(tickDigits, '0');
    for (let i = 0; i < rows; i++) {
      const action = building.action({
        actionId: prefix + String(i).padStart(indexDigits, '0'),
        playerId: random.below(8),
        kind: orderKinds[random.below(orderKinds.length)] ?? 'MOVE',
        unitIds: [random.below(100_000), random.below(100_000)],
        x: random.unit() * 1024,
        y: random.unit() * 1024,
      });
      for (let upsert = 0; upsert < upserts; upsert++) {
        action.unitState.upsert(
          { unitId: random.below(units) },
          { ownerId: random.below(8), x: random.unit() * 1024, y: random.unit() * 1024 },
        );
      }
    }
  }
}

const clients = new Map<string, AshfallClient>();

/** One client for all sessions of the process, as a game server has it. */
function clientOf(url: string, token: string): AshfallClient {
  const key = `${url} ${token}`;
  const client = clients.get(key) ?? new AshfallClient({ url, token, connectionsMax: 1024 });
  clients.set(key, client);
  return client;
}
