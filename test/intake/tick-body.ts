import { makeVector, Table, Uint32, type Vector, vectorFromArray } from 'apache-arrow';
import { type EffectStream, type TickBatch, tickItself } from '../../engine/tick/tick-batch.ts';
import { arrowBody, arrowStream } from '../intake/arrow-body.ts';
import { clientColumn } from '../intake/arrow-types.ts';

/**
 * The tick as a client of the commit endpoint would send it. `rowsOfBatch`: rows of each record
 * batch. What effects require must be comparisons that all hold: others have no operands by row.
 */
export function tickBody(batch: TickBatch, rowsOfBatch: number): Uint8Array {
  const streams = batch.streams.map((stream) =>
    arrowStream(stream.table.name, stream.op, split(effectColumns(stream), rowsOfBatch)),
  );
  if (batch.actions.length === 0) return arrowBody(...streams);
  const columns = batch.actions.vectors.map((v) => [v.column.name, clientColumn(v)] as const);
  // The order of columns is the client's own.
  const actions = split(Object.fromEntries(columns.reverse()), rowsOfBatch);
  return arrowBody(arrowStream('order', 'actions', actions), ...streams);
}

function effectColumns(stream: EffectStream): Record<string, Vector> {
  const action = Array.from(stream.action, (index) => (index === tickItself ? null : index));
  const columns: Record<string, Vector> = {};
  for (const vector of [...stream.rows.vectors].reverse()) {
    columns[vector.column.name] = clientColumn(vector);
  }
  columns.action = vectorFromArray(action, new Uint32());
  if (stream.expectedVersions) {
    columns.expectedVersion = makeVector(stream.expectedVersions);
  }
  if (stream.require) {
    const { form, operands } = stream.require;
    for (const part of form.kind === 'and' ? form.all : [form]) {
      if (part.kind !== 'compare') throw new RangeError('a require of comparisons');
      const operand = operands[part.operand];
      if (operand) columns[`require.${part.column}.${part.op}`] = clientColumn(operand);
    }
  }
  return columns;
}

function split(columns: Record<string, Vector>, rowsOfBatch: number): Table {
  const table = new Table(columns);
  const parts: Table[] = [];
  for (let at = 0; at < table.numRows; at += rowsOfBatch) {
    parts.push(table.slice(at, at + rowsOfBatch));
  }
  const [first, ...rest] = parts;
  return first ? first.concat(...rest) : table;
}
