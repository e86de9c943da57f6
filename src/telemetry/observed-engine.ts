import type {
  AppendGuard,
  Engine,
  SessionInfo,
  TickBatch,
  Ticket,
  TickOutcome,
} from '../../engine/index.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { Metrics } from './metrics.ts';

/** An engine that behaves as `engine` does and counts what passes through it. */
/** `onCommit`: told of each tick that was no duplicate, once it is settled. */
export function observeEngine(
  engine: Engine,
  durability: string,
  metrics: Metrics,
  onCommit: (ticket: Ticket, outcome: TickOutcome) => void = () => {},
): Engine {
  metrics.watch(engine);
  return new ObservedEngine(engine, durability, metrics, onCommit);
}

class ObservedEngine implements Engine {
  readonly #engine: Engine;
  readonly #metrics: Metrics;
  readonly #onCommit: (ticket: Ticket, outcome: TickOutcome) => void;
  readonly #commitSeconds: { observe(seconds: number): void };
  readonly #accepted: { inc(actions: number): void };
  readonly #rejected: { inc(actions: number): void };
  readonly #repeated: { inc(actions: number): void };
  readonly catalog: Engine['catalog'];
  readonly state: Engine['state'];
  readonly views: Engine['views'];
  readonly columns: Engine['columns'];
  readonly personal: Engine['personal'];
  readonly access: Engine['access'];
  readonly turns: Engine['turns'];

  constructor(
    engine: Engine,
    durability: string,
    metrics: Metrics,
    onCommit: (ticket: Ticket, outcome: TickOutcome) => void,
  ) {
    this.#onCommit = onCommit;
    this.#engine = engine;
    this.#metrics = metrics;
    this.#commitSeconds = metrics.commitSeconds.labels({ durability });
    this.#accepted = metrics.commitActions.labels({ verdict: 'accepted' });
    this.#rejected = metrics.commitActions.labels({ verdict: 'rejected' });
    this.#repeated = metrics.commitActions.labels({ verdict: 'repeated' });
    this.catalog = engine.catalog;
    this.state = engine.state;
    this.views = engine.views;
    this.columns = engine.columns;
    this.personal = engine.personal;
    this.access = engine.access;
    this.turns = engine.turns;
  }

  get appliedLsn(): Lsn {
    return this.#engine.appliedLsn;
  }

  get memory(): Engine['memory'] {
    return this.#engine.memory;
  }

  get failure(): Error | null {
    return this.#engine.failure;
  }

  openSession(...given: Parameters<Engine['openSession']>): Promise<SessionInfo> {
    return this.#engine.openSession(...given);
  }

  closeSession(...given: Parameters<Engine['closeSession']>): Promise<SessionInfo> {
    return this.#engine.closeSession(...given);
  }

  session(ticket: Ticket, sessionId: string): SessionInfo | null {
    return this.#engine.session(ticket, sessionId);
  }

  positionOfTick(ticket: Ticket, sessionId: string, tick: number): Promise<Lsn> {
    return this.#engine.positionOfTick(ticket, sessionId, tick);
  }

  listSessions(
    ticket: Ticket,
    request: Parameters<Engine['listSessions']>[1],
  ): ReturnType<Engine['listSessions']> {
    return this.#engine.listSessions(ticket, request);
  }

  async commit(ticket: Ticket, batch: TickBatch, mayAppend?: AppendGuard): Promise<TickOutcome> {
    const startedMs = performance.now();
    this.#metrics.logPending.inc();
    try {
      const outcome = await this.#engine.commit(ticket, batch, mayAppend);
      this.#commitSeconds.observe((performance.now() - startedMs) / 1000);
      if (!outcome.duplicate) {
        this.#countVerdicts(outcome);
        this.#onCommit(ticket, outcome);
      }
      return outcome;
    } finally {
      this.#metrics.logPending.dec();
    }
  }

  contention(ticket: Ticket, sessionId: string | null): ReturnType<Engine['contention']> {
    return this.#engine.contention(ticket, sessionId);
  }

  waitForApplied(ticket: Ticket, lsn: Lsn): Promise<void> {
    return this.#engine.waitForApplied(ticket, lsn);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  #countVerdicts(outcome: TickOutcome): void {
    const { conflicts } = this.#metrics;
    if (outcome.accepted > 0) this.#accepted.inc(outcome.accepted);
    if (outcome.rejected > 0) this.#rejected.inc(outcome.rejected);
    if (outcome.repeats.length > 0) this.#repeated.inc(outcome.repeats.length);
    for (const { table, code } of outcome.conflicts) conflicts.inc({ table, code });
    if (outcome.tickConflict !== null) {
      conflicts.inc({ table: outcome.tickConflict.table, code: outcome.tickConflict.code });
    }
  }
}
