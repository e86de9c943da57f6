import { Ticket } from '../govern/ticket.ts';
import { EngineError } from '../model/errors.ts';
import type { ColumnClient } from './client.ts';
import type { ColumnLogger } from './logger.ts';

export interface PulseTimes {
  readonly everyMs: number;
  /** After so many beats without an answer operators are told. */
  readonly silentBeats: number;
  /** After so many it is taken to hang, and what waits for it is broken off. */
  readonly hungBeats: number;
}

/**
 * A ClickHouse that works when a processor is idle may be slow to answer on a machine that is busy;
 * one that is silent for so long was stopped, or is stuck.
 */
export const pulseTimes: PulseTimes = { everyMs: 2_000, silentBeats: 3, hungBeats: 8 };

/** A scrape of metrics waits for it. */
const askMsMax = 1_000;

export interface PulseParts {
  /** With connections of its own, which no query keeps busy; closed with the pulse. */
  readonly client: Pick<ColumnClient, 'answers' | 'query' | 'close'>;
  /** False while there is nothing to ask, since it is being started. */
  readonly isUp: () => boolean;
  readonly onHung: () => void;
  readonly logger: ColumnLogger;
  readonly times?: PulseTimes;
}

/**
 * Notices that ClickHouse hangs. A process that is stopped or stuck keeps its connections: whoever
 * waits for its answer would wait for as long as requests may take.
 *
 * Silence is counted in beats of this process's own timer, so a machine that slept, or a process
 * that was busy itself, is not taken for a ClickHouse that hangs.
 */
export class ColumnPulse {
  readonly #parts: PulseParts;
  readonly #times: PulseTimes;
  readonly #timer: NodeJS.Timeout;
  #asking: AbortController | null = null;
  /** Since what was asked last was asked, and since the last answer. */
  #waitedBeats = 0;
  #silentBeats = 0;
  #isSilent = false;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#times = parts.times ?? pulseTimes;
    this.#timer = setInterval(() => this.#beat(), this.#times.everyMs);
    this.#timer.unref();
  }

  /** Why nothing can be asked now; null while ClickHouse answers. */
  get trouble(): string | null {
    if (!this.#parts.isUp()) return 'the column store is being started';
    return this.#isSilent ? this.#silence() : null;
  }

  /** Asks what operators want to know, for a moment at most. Rejects where there is no answer. */
  async ask(
    sql: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<readonly (readonly unknown[])[]> {
    const { trouble } = this;
    if (trouble !== null) throw new EngineError('UNAVAILABLE', trouble);
    const ticket = Ticket.internal('the pulse', { signal: AbortSignal.timeout(askMsMax) });
    const query = { sql, parameters, author: 'engine', housekeeping: true, ticket } as const;
    return (await this.#parts.client.query(query)).rows;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
    await this.#parts.client.close();
  }

  #beat(): void {
    if (!this.#parts.isUp()) {
      this.#begin();
      return;
    }
    if (this.#asking === null) {
      this.#ask();
      return;
    }
    this.#waitedBeats += 1;
    this.#silentBeats += 1;
    const { silentBeats, hungBeats } = this.#times;
    if (!this.#isSilent && this.#silentBeats >= silentBeats) {
      this.#isSilent = true;
      this.#parts.logger.error({}, this.#silence());
    }
    if (this.#waitedBeats < hungBeats) return;
    this.#parts.logger.error({}, 'the column store hangs: what waits for it is broken off');
    this.#begin();
    this.#parts.onHung();
  }

  #ask(): void {
    const asking = new AbortController();
    this.#asking = asking;
    this.#parts.client.answers(asking.signal).then(
      () => {
        if (this.#asking !== asking) return;
        this.#begin();
        this.#silentBeats = 0;
        if (this.#isSilent) this.#parts.logger.warn({}, 'the column store answers again');
        this.#isSilent = false;
      },
      // ClickHouse was not reached, so this is no answer; the next beat counts it, and asks again.
      () => {
        if (this.#asking !== asking || asking.signal.aborted) return;
        setTimeout(() => this.#asking === asking && this.#ask(), this.#times.everyMs).unref();
      },
    );
  }

  /** Counts from here on, with nothing asked. */
  #begin(): void {
    this.#asking?.abort();
    this.#asking = null;
    this.#waitedBeats = 0;
  }

  #silence(): string {
    const seconds = Math.round((this.#silentBeats * this.#times.everyMs) / 1000);
    return `the column store has not answered for ${seconds} s`;
  }
}
