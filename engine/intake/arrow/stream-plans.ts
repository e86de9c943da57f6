import type { Catalog } from '../../model/catalog.ts';
import { limits } from '../../model/limits.ts';
import { ArrowDamage } from '../../vectors/arrow/arrow-damage.ts';
import { type ArrowSchema, readSchema } from '../../vectors/arrow/arrow-schema.ts';
import { openMessage } from '../../vectors/arrow/arrow-streams.ts';
import type { Flatbuffer } from '../../vectors/arrow/flatbuffer.ts';
import { planStream, type StreamPlan } from './stream-plan.ts';

interface Remembered {
  readonly message: Uint8Array;
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

  /** The plan of stream `index`, whose schema message lies from `start` to `end` of a body. */
  planOf(flat: Flatbuffer, start: number, end: number, index: number): StreamPlan {
    const hash = flat.hash(start, end);
    const found = this.#remembered.get(hash);
    if (found && flat.equals(start, end, found.message)) {
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
      this.#remembered.set(hash, { message: flat.copy(start, end), plan });
    }
    return plan;
  }
}

function readSchemaMessage(flat: Flatbuffer, start: number, end: number): ArrowSchema {
  const { kind, header, bodyBytes } = openMessage(flat, start, end);
  if (kind !== 'schema') throw new ArrowDamage('a stream begins with its schema');
  if (bodyBytes !== 0) throw new ArrowDamage('a schema has no body');
  return readSchema(flat, header);
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
