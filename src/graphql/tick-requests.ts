import { isUtf8 } from 'node:buffer';
import type { DocumentNode } from 'graphql';
import { ColumnarTick } from '../../engine/json/columnar-tick.ts';
import { JsonTickDecoder } from '../../engine/json/json-tick-decoder.ts';
import { notTaken } from '../../engine/json/not-taken.ts';
import type { Catalog } from '../../engine/manifest/catalog.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type GraphqlParams, parseBodyParams } from './graphql-params.ts';
import { TickDocuments } from './tick-documents.ts';
import { TickEnvelope } from './tick-envelope.ts';

/** An operation, and who is told its document once that is known to be valid. */
export interface ReadOperation {
  readonly params: GraphqlParams;
  /** Its document is that of a mutation, and has run before. */
  readonly isKnown: boolean;
  readonly learn?: (document: DocumentNode) => void;
}

/**
 * Reads the bodies of requests. That of a mutation which commits a tick in the usual form becomes
 * columns without ever being an object (`JsonTickDecoder`); every other, and every one with
 * something wrong, goes through `JSON.parse` and is refused or executed as ever.
 */
export class TickRequests {
  readonly #metrics: Metrics;
  readonly #decoder: JsonTickDecoder;
  readonly #documents = new TickDocuments();

  constructor(catalog: Catalog, metrics: Metrics) {
    this.#metrics = metrics;
    this.#decoder = new JsonTickDecoder(catalog);
  }

  /** Throws `BAD_USER_INPUT` for what is no operation. */
  read(body: Buffer): ReadOperation {
    const envelope = new TickEnvelope(body, this.#documents);
    const columnar = this.#columnar(envelope, body);
    if (envelope.document !== null) {
      this.#metrics.tickBodies.inc({ path: columnar === null ? 'rows' : 'columns' });
    }
    if (columnar !== null) return { params: columnar, isKnown: true };
    const params = parseBodyParams(body);
    const { query } = envelope;
    if (query === null || envelope.document !== null) return { params, isKnown: false };
    const raw = body.subarray(query.from, query.to);
    const learn = (document: DocumentNode) => {
      this.#documents.learn(raw, params.query, document);
    };
    return { params, isKnown: false, learn };
  }

  #columnar(envelope: TickEnvelope, body: Buffer): GraphqlParams | null {
    try {
      const at = envelope.findTick();
      if (!isUtf8(body)) return null;
      const decoded = this.#decoder.decode(body, at);
      return decoded && envelope.finish(new ColumnarTick(decoded.batch), decoded.end);
    } catch (error) {
      if (error === notTaken) return null;
      throw error;
    }
  }
}
