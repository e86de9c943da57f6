import { limits } from '../limits.ts';
import type { Catalog } from '../manifest/catalog.ts';
import { readSchema } from './arrow-schema.ts';
import { openMessage } from './arrow-streams.ts';
import type { Flatbuffer } from './flatbuffer.ts';
import { planStream, type StreamPlan } from './stream-plan.ts';

interface Remembered {
  readonly message: Buffer;
  readonly plan: StreamPlan;
}

/**
 * The plans of streams under one catalog. A client's schema message of a table and an operation is
 * the same, byte for byte, tick after tick: the plans of the messages used last are remembered.
 * Only equal bytes find a plan, whatever their hash: a message that hashes like another one takes
 * its place, no more. What was refused is not remembered.
 */
export class StreamPlans {
  readonly #catalog: Catalog;
  /** By hash, the one used longest ago first. */
  readonly #remembered = new Map<number, Remembered>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  get size(): number {
    return this.#remembered.size;
  }

  /** The plan of stream `index`, whose schema message lies from `start` to `end` of the body. */
  planOf(body: Buffer, flat: Flatbuffer, start: number, end: number, index: number): StreamPlan {
    const hash = hashOf(body, start, end);
    const found = this.#remembered.get(hash);
    if (found && body.compare(found.message, 0, found.message.length, start, end) === 0) {
      this.#remembered.delete(hash);
      this.#remembered.set(hash, found);
      return found.plan;
    }
    const plan = planStream(this.#catalog, readSchemaMessage(flat, start, end), index);
    if (end - start <= limits.commitSchemaCachedBytesMax) {
      this.#remembered.delete(hash);
      if (this.#remembered.size >= limits.commitSchemasCachedMax) {
        const oldest = this.#remembered.keys().next();
        if (!oldest.done) this.#remembered.delete(oldest.value);
      }
      this.#remembered.set(hash, { message: Buffer.from(body.subarray(start, end)), plan });
    }
    return plan;
  }
}

function readSchemaMessage(flat: Flatbuffer, start: number, end: number) {
  const { kind, header, bodyBytes } = openMessage(flat, start, end);
  if (kind !== 'schema') throw new RangeError('a stream begins with its schema');
  if (bodyBytes !== 0) throw new RangeError('a schema has no body');
  return readSchema(flat, header);
}

/** FNV-1a over words of four bytes; up to three bytes at the end are left to the comparison. */
export function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  for (let at = start; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ bytes.readInt32LE(at), 0x01000193);
  }
  return hash;
}

const plansByCatalog = new WeakMap<Catalog, StreamPlans>();

/** The plans remembered for a catalog: they live as long as it does. */
export function plansUnder(catalog: Catalog): StreamPlans {
  let plans = plansByCatalog.get(catalog);
  if (!plans) {
    plans = new StreamPlans(catalog);
    plansByCatalog.set(catalog, plans);
  }
  return plans;
}
