import { type GraphQLSchema, getVariableValues, Kind, parse } from 'graphql';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import type { ColumnVector } from '../../engine/vectors/column-vector.ts';
import { vectorBuffers } from '../../engine/vectors/vector-bytes.ts';
import { type CommitTickArguments, TickInputReader } from '../../resolvers/tick-input.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { FastVariables } from '../../schema/fast-variables.ts';

export interface GeneralTick {
  readonly batch: TickBatch;
  readonly tables: readonly string[];
}

/** What becomes of a tick by objects: `JSON.parse`, coercion, rows to columns. */
export class GeneralPath {
  readonly schema: GraphQLSchema;
  readonly #catalog: Catalog;
  readonly #fast: FastVariables;
  readonly #reader: TickInputReader;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.schema = buildSchema(catalog);
    this.#fast = new FastVariables(this.schema);
    this.#reader = new TickInputReader(catalog);
  }

  /** Null for what it refuses. */
  tick(json: string): GeneralTick | null {
    try {
      return this.tickOf(JSON.parse(json) as unknown);
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** The same of what was parsed: writing it as JSON again would lose the sign of -0. */
  tickOf(input: unknown): GeneralTick | null {
    try {
      const coerced = this.#coerced({ input });
      if (!coerced) return null;
      const { tick, tables } = this.#reader.read(coerced.input as CommitTickArguments);
      if (tick.actions.length > 0) tables.add(this.#catalog.actionTable.name);
      return { batch: buildTickBatch(this.#catalog, tick), tables: [...tables] };
    } catch (error) {
      if (error instanceof EngineError) return null;
      throw error;
    }
  }

  #coerced(variableValues: Readonly<Record<string, unknown>>) {
    const { schema } = this;
    const prepared = this.#fast.prepare({ schema, document, variableValues });
    if (prepared?.variableValues) return prepared.variableValues;
    const [operation] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
    return getVariableValues(schema, operation.variableDefinitions ?? [], variableValues).coerced;
  }
}

const document = parse(
  'mutation ($input: CommitTickInput!) { commitTick(input: $input) { tick } }',
);

/** Everything of a batch that anybody can tell, to be compared. */
export function contentOf(batch: TickBatch): unknown {
  const { digest, record } = encodeTick(batch);
  const vectors = (all: readonly ColumnVector[]) =>
    all.map((vector) => ({
      column: vector.column,
      layout: vector.layout,
      length: vector.length,
      buffers: vectorBuffers(vector).map((bytes) => Buffer.from(bytes).toString('hex')),
    }));
  return {
    header: batch.header,
    digest: Buffer.from(digest).toString('hex'),
    record: Buffer.concat(record(1, null)).toString('hex'),
    actions: [batch.actions.length, vectors(batch.actions.vectors)],
    streams: batch.streams.map(({ action, expectedVersions, rows, guard, ...stream }) => ({
      ...stream,
      action: [...action],
      expectedVersions: expectedVersions && [...expectedVersions],
      rows: [rows.length, vectors(rows.vectors)],
      guard: guard && { condition: guard.condition, operands: vectors(guard.operands) },
    })),
  };
}
