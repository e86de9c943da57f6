import { setTimeout as sleep } from 'node:timers/promises';
import {
  committed,
  data,
  failure,
  type ScriptedAnswer,
  type ScriptedRequest,
  ScriptedServer,
} from './scripted-server.ts';
import type { WireTick } from './wire-tick.ts';

/** What happens to one request on its way. */
export interface Fault {
  /** Before the server has seen it. */
  readonly loseRequest?: boolean;
  /** Seen and applied, but the answer never comes. */
  readonly loseAnswer?: boolean;
  /** The server sees the request twice. */
  readonly twice?: boolean;
  readonly delayMs?: number;
  readonly refuse?: 'OVERLOADED' | 'UNAVAILABLE' | 'RATE_LIMITED';
}

export interface ModelOptions {
  /** What becomes of the request that arrives as the n-th. */
  readonly fault?: (arrival: number) => Fault;
  /** How long a tick may wait for the one before it. */
  readonly tickWaitMs?: number;
  /** Ticks that fail for good, by code. */
  readonly failing?: ReadonlyMap<number, string>;
  readonly aborted?: ReadonlySet<number>;
}

/**
 * The server's rules for ticks, naively: idempotent by session and tick, strictly rising, and a
 * tick that names `afterTick` waits until that tick is the last. It applies each tick by noting it.
 */
export class ModelServer {
  readonly applied: { readonly tick: number; readonly content: string }[] = [];
  /** The most ticks that waited at a time. */
  waitingMax = 0;
  readonly #answered = new Map<number, { readonly content: string; readonly position: string }>();
  readonly #options: ModelOptions;
  #waiting: (() => void)[] = [];
  #arrivals = 0;
  #http: ScriptedServer | null = null;

  constructor(options: ModelOptions = {}) {
    this.#options = options;
  }

  static async start(options: ModelOptions = {}): Promise<ModelServer> {
    const model = new ModelServer(options);
    model.#http = await ScriptedServer.start(async (request) => {
      if (request.operation === 'OpenSession') return data({ openSession: model.#session() });
      return await model.#receive(request);
    });
    return model;
  }

  get http(): ScriptedServer {
    if (!this.#http) throw new RangeError('not started');
    return this.#http;
  }

  #session() {
    const lastTick = this.applied.at(-1)?.tick ?? null;
    return { sessionId: 'm1', fence: 1, lastTick, position: '0:1', stateHash: '', open: true };
  }

  async #receive({ tick, body }: ScriptedRequest): Promise<ScriptedAnswer> {
    if (!tick) throw new RangeError('a request to the commit endpoint');
    const fault = this.#options.fault?.(this.#arrivals++) ?? {};
    if (fault.delayMs) await sleep(fault.delayMs);
    if (fault.loseRequest) return 'drop';
    if (fault.refuse) return failure(fault.refuse, { retryAfterMs: 1 });
    const bytes = body.toString('latin1');
    const answer = await this.#commit(tick, bytes);
    if (fault.twice) await this.#commit(tick, bytes);
    return fault.loseAnswer ? 'drop' : answer;
  }

  async #commit(input: WireTick, content: string): Promise<ScriptedAnswer> {
    const deadline = performance.now() + (this.#options.tickWaitMs ?? 5_000);
    for (;;) {
      const before = this.#answered.get(input.tick);
      if (before) {
        if (before.content !== content) return failure('IDEMPOTENCY_MISMATCH');
        return this.#payload(input, before.position, true);
      }
      const last = this.applied.at(-1)?.tick ?? null;
      const early = input.afterTick !== undefined && (last === null || last < input.afterTick);
      if (!early) {
        const inOrder = last === null || input.tick > last;
        if (!inOrder || (input.afterTick !== undefined && input.afterTick !== last)) {
          return failure('TICK_OUT_OF_ORDER');
        }
        return this.#apply(input, content);
      }
      if (performance.now() >= deadline) return failure('TICK_OUT_OF_ORDER');
      await this.#change(deadline);
    }
  }

  #apply(input: WireTick, content: string): ScriptedAnswer {
    const code = this.#options.failing?.get(input.tick);
    if (code) return failure(code);
    const position = `0:${this.#answered.size + 2}`;
    this.#answered.set(input.tick, { content, position });
    if (!this.#options.aborted?.has(input.tick)) {
      this.applied.push({
        tick: input.tick,
        content: JSON.stringify([input.actions, input.effects]),
      });
    }
    for (const wake of this.#waiting.splice(0)) wake();
    return this.#payload(input, position, false);
  }

  #payload(input: WireTick, position: string, duplicate: boolean): ScriptedAnswer {
    const aborted = this.#options.aborted?.has(input.tick) ?? false;
    const { sessionId, tick, actions } = input;
    const accepted = aborted ? 0 : actions.length;
    const counts = { accepted, rejected: 0, aborted };
    const payload = { position, sessionId, tick, duplicate, ...counts, stateHash: 'h' };
    return committed({ ...payload, conflict: null, results: [] });
  }

  async #change(deadline: number): Promise<void> {
    const given = new AbortController();
    const changed = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.waitingMax = Math.max(this.waitingMax, this.#waiting.length);
    const timeout = sleep(deadline - performance.now(), undefined, { signal: given.signal }).catch(
      () => {},
    );
    await Promise.race([changed, timeout]);
    given.abort();
  }
}
