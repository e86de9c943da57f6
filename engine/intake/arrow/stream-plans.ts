import { LRUCache } from 'lru-cache';
import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { type ColumnReader, columnReader } from '../../vectors/arrow/arrow-column.ts';
import { ArrowDamage } from '../../vectors/arrow/arrow-damage.ts';
import type { PlacedField } from '../../vectors/arrow/arrow-field.ts';
import { type ArrowSchema, readSchema } from '../../vectors/arrow/arrow-schema.ts';
import { openMessage } from '../../vectors/arrow/arrow-streams.ts';
import type { Flatbuffer } from '../../vectors/arrow/flatbuffer.ts';
import { placeOf } from '../columns/stream-fields.ts';
import { planStream, type StreamPlan } from '../columns/stream-plan.ts';

/** The plan of a stream of Arrow, and the schema that it was made from. */
export interface ArrowStreamPlan extends StreamPlan<ColumnReader> {
  readonly schema: ArrowSchema;
}

interface Remembered {
  readonly message: Uint8Array;
  readonly plan: ArrowStreamPlan;
}

/**
 * The plans of streams under one catalog. A client's schema message of a table and an operation is
 * the same, byte for byte, tick after tick: the plans of the messages used last are remembered.
 * Only equal bytes find a plan, whatever their hash: a message that hashes like another one takes
 * its place, no more. What was refused is not remembered.
 */
export class StreamPlans {
  readonly #catalog: Catalog;
  /** By hash of the message. */
  readonly #remembered = new LRUCache<number, Remembered>({ max: limits.commitSchemasCachedMax });

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  get size(): number {
    return this.#remembered.size;
  }

  /** The plan of stream `index`, whose schema message lies from `start` to `end` of a body. */
  planOf(flat: Flatbuffer, start: number, end: number, index: number): ArrowStreamPlan {
    const hash = flat.hash(start, end);
    const found = this.#remembered.get(hash);
    if (found && flat.equals(start, end, found.message)) return found.plan;
    const plan = planArrowStream(this.#catalog, readSchemaMessage(flat, start, end), index);
    if (end - start <= limits.commitSchemaCachedBytesMax) {
      this.#remembered.set(hash, { message: flat.copy(start, end), plan });
    }
    return plan;
  }
}

function planArrowStream(catalog: Catalog, schema: ArrowSchema, index: number): ArrowStreamPlan {
  const { fields, metadata } = schema;
  const table = metadata.get('tickloom.table') ?? '';
  const op = metadata.get('tickloom.op') ?? '';
  const byName = new Map(fields.map((field) => [field.name, field]));
  const shape = {
    table,
    op,
    require: requireOf(metadata, placeOf(index, `(${table} ${op})`)),
    fields: fields.map((field) => field.name),
    readerOf: (name: string, column: ColumnDefinition, place: string) =>
      columnReader(byName.get(name) as PlacedField, column, place),
  };
  return { schema, ...planStream(catalog, shape, index) };
}

/** The condition in the schema's metadata is JSON of the `where` language. */
function requireOf(metadata: ArrowSchema['metadata'], place: string): unknown {
  const text = metadata.get('tickloom.require');
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('BAD_USER_INPUT', `${place}: tickloom.require is not JSON`, {
      details: { path: `${place}.require` },
      cause,
    });
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
