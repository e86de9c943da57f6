import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import type { Scalar } from '../../model/types.ts';
import type { TickBatch, TickHeader } from '../../tick/tick-batch.ts';
import type { ArrowBatch } from '../../vectors/arrow/arrow-batch.ts';
import type { ColumnReader } from '../../vectors/arrow/arrow-column.ts';
import { ArrowDamage } from '../../vectors/arrow/arrow-damage.ts';
import { type ArrowStream, ArrowStreams } from '../../vectors/arrow/arrow-streams.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import { emptyVector, pickRows } from '../../vectors/vector-rows.ts';
import { type BodyStream, batchOfStreams } from '../columns/stream-batch.ts';
import type { ColumnPlan } from '../columns/stream-fields.ts';
import { type ArrowStreamPlan, plansUnder } from './stream-plans.ts';

/**
 * Decodes a body of the commit endpoint: Arrow IPC streams one after the other, each naming its
 * table and operation in its schema's metadata (`tickloom.table`, `tickloom.op`). Beside the
 * columns of the contract an effect stream may carry a `require`: columns named
 * `require.<column>.<operator>` (operand by row), and schema metadata `tickloom.require` (JSON of
 * the `where` language, the same for all rows); all of them must hold.
 *
 * Throws `BAD_USER_INPUT` naming stream and column, `LIMIT_EXCEEDED` past a bound.
 */
export function decodeCommitBody(
  catalog: Catalog,
  header: TickHeader,
  body: Uint8Array,
): TickBatch {
  return batchOfStreams(catalog, header, arrowStreams(catalog, body));
}

/** The streams of a body, what is no Arrow answered as the client's mistake. */
function* arrowStreams(catalog: Catalog, body: Uint8Array): Generator<BodyStream<ColumnReader>> {
  const plans = plansUnder(catalog);
  let index = 0;
  const streams = new ArrowStreams(body, (flat, start, end) =>
    plans.planOf(flat, start, end, index),
  );
  for (; ; index++) {
    const stream = nextOf(streams, index);
    if (!stream) return;
    yield new ArrowBodyStream(stream);
  }
}

function nextOf(
  streams: ArrowStreams<ArrowStreamPlan>,
  index: number,
): ArrowStream<ArrowStreamPlan> | null {
  try {
    return streams.next();
  } catch (error) {
    if (!(error instanceof ArrowDamage)) throw error;
    throw new EngineError(
      'BAD_USER_INPUT',
      `the body is no sequence of Arrow streams: stream ${index}: ${error.message}`,
      { details: { path: `stream ${index}`, stream: index }, cause: error },
    );
  }
}

class ArrowBodyStream implements BodyStream<ColumnReader> {
  readonly plan: ArrowStreamPlan;
  readonly rows: number;
  readonly #batches: readonly ArrowBatch[];

  constructor({ plan, rows, batches }: ArrowStream<ArrowStreamPlan>) {
    this.plan = plan;
    this.rows = rows;
    this.#batches = batches;
  }

  vectorOf(read: ColumnReader, { column }: ColumnPlan<ColumnReader>, place: string): ColumnVector {
    const chunks = this.#batches.map((batch) => {
      return read({ batch, start: 0, length: batch.rows }, place);
    });
    const [only] = chunks;
    if (!only) return emptyVector(column, 0);
    return chunks.length === 1 ? only : joined(chunks, this.rows);
  }

  charge(value: Scalar, times: number, place: string): void {
    this.#batches[0]?.budget.charge(value, times, place);
  }
}

/** The chunks one after the other. */
function joined(chunks: readonly ColumnVector[], length: number): ColumnVector {
  const of = new Uint32Array(length);
  const rows = new Uint32Array(length);
  let at = 0;
  chunks.forEach((chunk, i) => {
    for (let row = 0; row < chunk.length; row++, at++) {
      of[at] = i;
      rows[at] = row;
    }
  });
  return pickRows(chunks, { of, rows });
}
