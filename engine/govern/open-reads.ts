import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { stepUnits, type Work } from './work.ts';

/**
 * Reads of rows by number (slots of a table, groups of a view) that go on over several turns of
 * the event loop, and what is written meanwhile. While nobody reads so, a write costs one
 * comparison here.
 */
export class OpenReads {
  readonly #readers = new Set<OpenRead>();
  #written: number[] = [];

  /** To be told before the turn of the write ends. */
  wrote(row: number): void {
    if (this.#readers.size > 0) this.#written.push(row);
  }

  /** To be closed. */
  open(): OpenRead {
    const read = new OpenRead(
      () => this.#written,
      () => {
        this.#readers.delete(read);
        if (this.#readers.size === 0) this.#written = [];
      },
    );
    this.#readers.add(read);
    return read;
  }
}

export class OpenRead {
  readonly close: () => void;
  readonly #log: () => readonly number[];
  #seen: number;
  /** Written since the read was opened, or since `take`. */
  #written = new Set<number>();

  constructor(log: () => readonly number[], close: () => void) {
    this.#log = log;
    this.#seen = log().length;
    this.close = close;
  }

  has(row: number): boolean {
    this.#catchUp();
    return this.#written.size > 0 && this.#written.has(row);
  }

  /** The rows written, each once; from then on others are counted. */
  drain(): ReadonlySet<number> {
    this.#catchUp();
    const taken = this.#written;
    this.#written = new Set();
    return taken;
  }

  #catchUp(): void {
    const log = this.#log();
    if (log.length > limits.readJournalMax) {
      throw new EngineError('OVERLOADED', 'more is written than a long read can follow', {
        retryAfterMs: 1_000,
        details: { limit: 'readJournalMax' },
      });
    }
    for (; this.#seen < log.length; this.#seen++) this.#written.add(log[this.#seen] as number);
  }
}

/** What a read makes of its rows. */
export interface RowReader {
  /** Takes the row as it is now, if it belongs to the answer; returns what that cost. */
  take(row: number): number;
  /** Forgets what it took of a row. */
  drop(row: number): void;
}

/** Rounds in which what was written meanwhile is read again over turns; then it is done at once. */
const roundsMax = 16;

/**
 * Reads rows over several turns as if all were read in the last of them: rows written since the
 * read began are read again, and what was written meanwhile after them, until a round is short
 * enough to end in one turn. `candidates` must yield every row of the answer that is not written
 * meanwhile, and may yield others.
 */
export function* steadyRead(
  read: OpenRead,
  candidates: Iterable<number>,
  reader: RowReader,
): Work<void> {
  let units = 0;
  for (const row of candidates) {
    units += read.has(row) ? 1 : reader.take(row);
    if (units < stepUnits) continue;
    yield units;
    units = 0;
  }
  for (let round = 0; ; round++) {
    const written = read.drain();
    if (written.size === 0) return;
    for (const row of written) {
      reader.drop(row);
      units += reader.take(row) + 1;
      if (units < stepUnits || round >= roundsMax) continue;
      yield units;
      units = 0;
    }
  }
}
