import { Agent, request } from 'node:http';
import { setTimeout as sleep, setImmediate as soon } from 'node:timers/promises';
import { Samples } from '../harness/samples.ts';
import { ArrowBodies } from './arrow-bodies.ts';
import { JsonBodies } from './json-bodies.ts';
import type {
  FromLoad,
  LoadConfig,
  LoadResult,
  LoadRows,
  RunEnd,
  RunSeconds,
  ToLoad,
} from './load-config.ts';
import { picks, Random } from './random.ts';
import { SdkTicks } from './sdk-ticks.ts';
import type { TickBodies, UnitVersions } from './tick-bodies.ts';

/**
 * A process that loads a server with ticks, so that what the client costs is not taken for the
 * server's. Prepared first (bodies are made), then run; it remembers ticks and versions of its
 * sessions from run to run, being their only writer.
 */
class Load {
  readonly #sessions = new Map<string, SessionLoad>();
  #prepared: PreparedRun | null = null;

  async prepare(config: LoadConfig): Promise<void> {
    const sessions: SessionLoad[] = [];
    for (const [i, sessionId] of config.sessions.entries()) {
      const session = this.#sessions.get(sessionId) ?? new SessionLoad(sessionId);
      this.#sessions.set(sessionId, session);
      await session.prepare(config, config.seed + i);
      sessions.push(session);
    }
    this.#prepared = new PreparedRun(config, sessions);
  }

  async run(): Promise<LoadResult> {
    if (!this.#prepared) throw new Error('not prepared');
    return await this.#prepared.run();
  }
}

/** Picks of units are made before the run and used over and over. */
const picksKept = 1_000_000;

class SessionLoad {
  readonly sessionId: string;
  nextTick = 0;
  #versions: Uint32Array = new Uint32Array(0);
  #bodies: TickBodies | null = null;
  /** Null: ticks go as bodies made before. */
  sdk: SdkTicks | null = null;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  async prepare(config: LoadConfig, seed: number): Promise<void> {
    const { transport, rows } = config;
    if (transport === 'sdk') {
      this.sdk = await SdkTicks.open(config, this.sessionId, seed);
      return;
    }
    const units = this.#unitsFor(rows, seed);
    this.#bodies =
      transport === 'arrow'
        ? new ArrowBodies(rows, units, seed)
        : new JsonBodies(this.sessionId, rows, units, seed);
  }

  get bodies(): TickBodies {
    if (!this.#bodies) throw new Error('not prepared');
    return this.#bodies;
  }

  #unitsFor(rows: LoadRows, seed: number): UnitVersions | null {
    if (rows.kind !== 'swap') return null;
    // A row's first version is 1.
    if (this.#versions.length === 0) this.#versions = new Uint32Array(rows.units).fill(1);
    const chosen = picks(rows.units, rows.exponent, picksKept, new Random(seed));
    return { versions: this.#versions, picks: chosen, next: 0 };
  }
}

class PreparedRun {
  readonly #config: LoadConfig;
  readonly #sessions: readonly SessionLoad[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  readonly #latencies = new Samples();
  readonly #late = new Samples();
  #fromMs = 0;
  #untilMs = Number.POSITIVE_INFINITY;
  #lastAnswerMs = 0;
  #ticks = 0;
  #rows = 0;
  #bytes = 0;
  #rejected = 0;
  #failure: Error | null = null;

  constructor(config: LoadConfig, sessions: readonly SessionLoad[]) {
    this.#config = config;
    this.#sessions = sessions;
  }

  async run(): Promise<LoadResult> {
    const { pace } = this.#config;
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    this.#fromMs = startedMs;
    if (pace.end.kind === 'seconds') {
      this.#fromMs += pace.end.warmUp * 1000;
      this.#untilMs = this.#fromMs + pace.end.measured * 1000;
    }
    if (pace.kind === 'closed') await this.#runClosed(pace.inFlight, pace.end);
    else await this.#runOpen(startedMs, pace.everyMs, pace.end);
    this.#agent.destroy();
    if (this.#failure) throw this.#failure;
    const used = process.cpuUsage(cpu);
    const endMs = pace.end.kind === 'seconds' ? this.#untilMs : this.#lastAnswerMs;
    return {
      ticks: this.#ticks,
      rows: this.#rows,
      seconds: (endMs - this.#fromMs) / 1000,
      bytes: this.#bytes,
      rejected: this.#rejected,
      latenciesMs: this.#latencies.values(),
      lateMs: this.#late.values(),
      cpuSeconds: (used.user + used.system) / 1e6,
    };
  }

  async #runClosed(inFlight: number, end: RunEnd): Promise<void> {
    const lanes = this.#sessions.flatMap((session) => {
      let left = end.kind === 'ticks' ? end.ticksEach : Number.POSITIVE_INFINITY;
      const lane = async () => {
        while (left > 0 && !this.#failure && performance.now() < this.#untilMs) {
          left--;
          await this.#commit(session, performance.now());
        }
      };
      return Array.from({ length: inFlight }, lane);
    });
    await Promise.all(lanes);
  }

  /** Sessions take turns: the k-th of n is due k/n of the interval after the first. */
  async #runOpen(startedMs: number, everyMs: number, end: RunSeconds): Promise<void> {
    const onTheWay = new Set<Promise<void>>();
    const stepMs = everyMs / this.#sessions.length;
    const steps = Math.floor(((end.warmUp + end.measured) * 1000) / stepMs);
    for (let step = 0; step < steps && !this.#failure; step++) {
      const dueMs = startedMs + step * stepMs;
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await sleep(waitMs);
      else if (step % 16 === 0) await soon();
      const session = this.#sessions[step % this.#sessions.length] as SessionLoad;
      if (dueMs >= this.#fromMs) this.#late.add(Math.max(0, performance.now() - dueMs));
      const commit = this.#commit(session, dueMs).finally(() => onTheWay.delete(commit));
      onTheWay.add(commit);
    }
    await Promise.all(onTheWay);
  }

  /** Never rejects: the first failure ends the run. */
  async #commit(session: SessionLoad, sinceMs: number): Promise<void> {
    const tick = session.nextTick++;
    try {
      const { answer, bytes } = await this.#send(session, tick);
      const now = performance.now();
      this.#lastAnswerMs = now;
      if (answer.aborted || answer.duplicate) throw new Error(`tick ${tick}: aborted or known`);
      this.#rejected += answer.rejected;
      const measured =
        this.#config.pace.kind === 'open'
          ? sinceMs >= this.#fromMs
          : now >= this.#fromMs && now < this.#untilMs;
      if (!measured) return;
      this.#ticks++;
      this.#rows += this.#config.rows.rows;
      this.#bytes += bytes;
      this.#latencies.add(now - sinceMs);
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  /** The bytes of the body are not told where the SDK made it. */
  async #send(session: SessionLoad, tick: number): Promise<{ answer: Answer; bytes: number }> {
    if (session.sdk) return { answer: await session.sdk.commit(tick), bytes: 0 };
    const { bodies } = session;
    const body = bodies.bodyOf(tick);
    try {
      return { answer: await this.#post(session, tick, body), bytes: body.length };
    } finally {
      bodies.giveBack(body);
    }
  }

  #post(session: SessionLoad, tick: number, body: Uint8Array): Promise<Answer> {
    const { url, token, transport } = this.#config;
    const isArrow = transport === 'arrow';
    const path = isArrow
      ? `/ashfall/sessions/${session.sessionId}/ticks/${tick}`
      : '/ashfall/graphql';
    const headers: Record<string, string | number> = {
      authorization: `Bearer ${token}`,
      'content-type': session.bodies.contentType,
      'content-length': body.length,
    };
    if (isArrow && tick > 0) headers['x-tickloom-after-tick'] = tick - 1;
    return new Promise((resolve, reject) => {
      const call = request(url + path, { method: 'POST', agent: this.#agent, headers });
      call.on('error', reject);
      call.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          try {
            resolve(readAnswer(response.statusCode ?? 0, text, isArrow));
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      call.end(body);
    });
  }
}

interface Answer {
  readonly rejected: number;
  readonly aborted: boolean;
  readonly duplicate: boolean;
}

function readAnswer(status: number, text: string, isArrow: boolean): Answer {
  const json = JSON.parse(text) as Answer & {
    readonly data?: { readonly commitTick: Answer } | null;
  };
  const answer = isArrow ? json : json.data?.commitTick;
  if (status !== 200 || !answer) throw new Error(`status ${status}: ${text.slice(0, 500)}`);
  return answer;
}

const load = new Load();
const send = (message: FromLoad) => process.send?.(message);
process.on('message', (message: ToLoad) => {
  handle(message).catch((error: unknown) => {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
process.on('disconnect', () => process.exit());

async function handle(message: ToLoad): Promise<void> {
  if (message.kind === 'prepare') {
    await load.prepare(message.config);
    send({ kind: 'ready' });
  } else {
    send({ kind: 'result', result: await load.run() });
  }
}
