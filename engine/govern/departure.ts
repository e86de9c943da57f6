/** Whether anybody waits for an answer still. */
export interface Departure {
  readonly hasLeft: boolean;
  /** Aborts when whoever waits leaves. For those who need a signal: `whenLeft` costs less. */
  readonly signal: AbortSignal;
  /** Calls once when whoever waits leaves, unless the returned function is called before. */
  whenLeft(tell: () => void): () => void;
}

/**
 * The departure of a request's client. It makes its signal when somebody asks for that: a signal
 * leaves some 800 bytes among V8's old objects, which a tick shall not.
 */
export class ClientDeparture implements Departure {
  #hasLeft = false;
  #told: (() => void)[] = [];
  #abort: AbortController | null = null;

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.#hasLeft) abort.abort();
    }
    return this.#abort.signal;
  }

  whenLeft(tell: () => void): () => void {
    this.#told.push(tell);
    return () => {
      this.#told = this.#told.filter((other) => other !== tell);
    };
  }

  /** Nobody waits any more. Harmless once the answer is given, or a second time. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const told = this.#told;
    this.#told = [];
    for (const tell of told) tell();
    this.#abort?.abort();
  }
}

/** Who waits leaves when the signal aborts. */
export function departureAt(signal: AbortSignal): Departure {
  return new SignalledDeparture(signal);
}

class SignalledDeparture implements Departure {
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  get hasLeft(): boolean {
    return this.signal.aborted;
  }

  whenLeft(tell: () => void): () => void {
    this.signal.addEventListener('abort', tell, { once: true });
    return () => this.signal.removeEventListener('abort', tell);
  }
}

/** The departure of work that nobody can leave. */
export const neverLeaves: Departure = {
  hasLeft: false,
  signal: new AbortController().signal,
  whenLeft: () => () => {},
};
