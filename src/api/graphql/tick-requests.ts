import type { DocumentNode } from 'graphql';
import { ColumnarTick } from '../../../engine/json/columnar-tick.ts';
import { type DecoderThread, unanswered } from '../../../engine/json/decoder-thread.ts';
import { JsonTickDecoder } from '../../../engine/json/json-tick-decoder.ts';
import type { Catalog } from '../../../engine/model/catalog.ts';
import { limits } from '../../../engine/model/limits.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { type GraphqlParams, parseBodyParams } from './graphql-params.ts';
import { TickDocuments } from './tick-documents.ts';
import { TickEnvelope } from './tick-envelope.ts';

/** An operation, and who is told its document once that is known to be valid. */
export interface ReadOperation {
  readonly params: GraphqlParams;
  /** Of a mutation that ran before; null: it has to be parsed and validated. */
  readonly document: DocumentNode | null;
  readonly learn?: (document: DocumentNode) => void;
}

export interface TickRequestsOptions {
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  /** Decodes large bodies; null: they are decoded where they come. */
  readonly thread: DecoderThread | null;
  /** Every tick goes the general way. */
  readonly canary: boolean;
}

/**
 * Reads the bodies of requests. That of a mutation which commits a tick in the usual form becomes
 * columns without ever being an object (`JsonTickDecoder`); every other, and every one with
 * something wrong, goes through `JSON.parse` and is refused or executed as ever.
 */
export class TickRequests {
  readonly #metrics: Metrics;
  readonly #decoder: JsonTickDecoder;
  readonly #thread: DecoderThread | null;
  readonly #canary: boolean;
  readonly #documents = new TickDocuments();

  constructor({ catalog, metrics, thread, canary }: TickRequestsOptions) {
    this.#metrics = metrics;
    this.#decoder = new JsonTickDecoder(catalog);
    this.#thread = thread;
    this.#canary = canary;
  }

  /** Rejects with `BAD_USER_INPUT` for what is no operation. */
  async read(body: Buffer): Promise<ReadOperation> {
    const envelope = new TickEnvelope(body, this.#documents);
    const at = this.#canary ? null : envelope.findTick();
    if (at === null) return this.#readRows(envelope, body);
    const thread = body.length >= limits.jsonThreadFromBytes ? this.#thread : null;
    const answer = thread === null ? unanswered : await thread.decode(body, at);
    const isDecoded = answer !== unanswered;
    const decoded = isDecoded ? answer : this.#decoder.decode(body, at);
    const params = decoded && envelope.finish(new ColumnarTick(decoded.batch), decoded.end);
    const { document } = envelope;
    if (params === null || document === null) return this.#readRows(envelope, body);
    this.#metrics.tickBodies.inc({ path: isDecoded ? 'thread' : 'columns' });
    return { params, document: document.parsed };
  }

  /** Puts the pieces of a body together; those of a large one in memory that the thread sees. */
  gather(pieces: readonly Buffer[], bytes: number): Buffer {
    if (this.#thread === null || bytes < limits.jsonThreadFromBytes) {
      return Buffer.concat(pieces, bytes);
    }
    const whole = Buffer.from(new SharedArrayBuffer(bytes));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  #readRows({ query, document }: TickEnvelope, body: Buffer): ReadOperation {
    const params = parseBodyParams(body);
    if (document !== null) {
      this.#metrics.tickBodies.inc({ path: 'rows' });
      return { params, document: null };
    }
    if (query === null) return { params, document: null };
    const raw = body.subarray(query.from, query.to);
    const learn = (parsed: DocumentNode) => this.#documents.learn(raw, params.query, parsed);
    return { params, document: null, learn };
  }
}
