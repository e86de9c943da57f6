import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import type { DecodedJson } from './json-tick-decoder.ts';

/** What the thread is asked; the body lies in memory that both threads see. */
export interface DecodeRequest {
  readonly id: number;
  readonly body: Uint8Array;
  readonly at: number;
}

export interface DecodeAnswer {
  readonly id: number;
  readonly decoded: DecodedJson | null;
}

/** The thread cannot answer: it has too much to do, or it has died. Decode here instead. */
export const unanswered = Symbol('unanswered');
type Answer = DecodedJson | null | typeof unanswered;

/**
 * A thread that decodes large bodies, so that small ticks need not wait behind them. It is started
 * when it is first needed. If it dies, what it had to do is `unanswered`, and the next body starts
 * another; after `crashesMax` of them there is none any more.
 */
export class DecoderThread {
  readonly #catalog: Catalog;
  readonly #onCrash: (error: Error | null) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #worker: Worker | null = null;
  #crashes = 0;
  #lastId = 0;
  #isClosed = false;

  /** @param onCrash told why the thread died, where that is known */
  constructor(catalog: Catalog, onCrash: (error: Error | null) => void = () => undefined) {
    this.#catalog = catalog;
    this.#onCrash = onCrash;
  }

  /** As `JsonTickDecoder.decode`. */
  async decode(body: Buffer, at: number): Promise<Answer> {
    if (this.#waiting.size >= limits.jsonDecodesWaitingMax) return unanswered;
    const worker = this.#running();
    if (worker === null) return unanswered;
    const request: DecodeRequest = { id: ++this.#lastId, body: inSharedMemory(body), at };
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(request.id, resolve);
      worker.postMessage(request);
    });
    return answer === null || answer === unanswered ? answer : this.#adopted(answer);
  }

  /** Ends the thread. What it has not answered stays unanswered, and so does all that comes after. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #running(): Worker | null {
    if (this.#isClosed || this.#crashes >= crashesMax) return null;
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(workerProgram(), {
      name: 'tick decoder',
      workerData: this.#catalog.manifest,
    });
    // It must not keep a process alive that has nothing else to do.
    worker.unref();
    worker.on('message', ({ id, decoded }: DecodeAnswer) => {
      this.#waiting.get(id)?.(decoded);
      this.#waiting.delete(id);
    });
    let why: Error | null = null;
    worker.on('error', (error) => {
      why = error;
    });
    worker.on('exit', () => {
      this.#worker = null;
      if (!this.#isClosed) {
        this.#crashes++;
        this.#onCrash(why);
      }
      const lost = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const resolve of lost) resolve(unanswered);
    });
    this.#worker = worker;
    return worker;
  }

  /** The batch with this thread's tables; a message copies the definitions that come with it. */
  #adopted(decoded: DecodedJson): DecodedJson {
    const streams = decoded.batch.streams.map((stream) => ({
      ...stream,
      table: this.#catalog.table(stream.table.name),
    }));
    return { ...decoded, batch: { ...decoded.batch, streams } };
  }
}

const crashesMax = 3;

function inSharedMemory(body: Buffer): Uint8Array {
  if (body.buffer instanceof SharedArrayBuffer) {
    return new Uint8Array(body.buffer, body.byteOffset, body.length);
  }
  const shared = new Uint8Array(new SharedArrayBuffer(body.length));
  shared.set(body);
  return shared;
}

/** Threads run compiled: beside this file when that is compiled too, else from `dist`. */
function workerProgram(): string {
  const here = import.meta.url.endsWith('.ts')
    ? '../../dist/engine/json/decoder-worker.js'
    : './decoder-worker.js';
  return fileURLToPath(new URL(here, import.meta.url));
}
