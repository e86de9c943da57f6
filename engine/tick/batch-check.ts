import { EngineError } from '../model/errors.ts';
import { holdsFloats, partColumns } from '../model/kinds.ts';
import {
  type ColumnVector,
  type FixedVector,
  type StridedVector,
  valueAt,
} from '../vectors/column-vector.ts';
import { firstRepeated } from '../vectors/repeated-value.ts';
import { type TickBatch, tickItself } from './tick-batch.ts';

/**
 * What holds for a batch whichever way it came: the session and tick are well formed, actions have
 * ids that are not empty and differ, their numbers are finite. Throws `BAD_USER_INPUT`.
 */
export function checkActionValues(batch: TickBatch): void {
  const { header, actions } = batch;
  if (header.tick !== null) {
    checkSessionId(header.sessionId);
    if (!Number.isInteger(header.tick) || header.tick < 0 || header.tick > 0xffff_fffe) {
      throw badHeader('tick', 'must be a whole number from 0 to 4294967294');
    }
    const { tick, afterTick } = header;
    if (afterTick !== null && afterTick >= tick) {
      throw badHeader('afterTick', `must be before the tick, ${tick}; it is ${afterTick}`);
    }
  }
  if (header.idempotencyKey !== null && !/^[\x21-\x7e]{1,128}$/.test(header.idempotencyKey)) {
    throw badHeader('idempotencyKey', 'must be 1 to 128 visible ASCII characters');
  }
  if (header.once) checkOnce(batch);
  const [ids, ...columns] = actions.vectors;
  if (ids) checkActionIds(ids);
  for (const vector of columns) checkFinite(vector);
}

/** Throws `BAD_USER_INPUT` for an id that could not be part of a URL or a log line. */
export function checkSessionId(sessionId: string): void {
  if (!/^[\x21-\x7e]{1,128}$/.test(sessionId)) {
    throw badHeader('sessionId', 'must be 1 to 128 visible ASCII characters without spaces');
  }
  // Whatever reads a URL takes these for steps in its path, percent-encoded or not.
  if (sessionId === '.' || sessionId === '..') {
    throw badHeader('sessionId', `must not be "${sessionId}", which no URL can name`);
  }
}

/**
 * What is answered once is an action, known by its id: effects of the tick itself have none, and
 * under ABORT_TICK a verdict is not the action's own.
 */
function checkOnce({ header, streams }: TickBatch): void {
  if (header.tick === null) throw badHeader('once', 'is for ticks, not for direct writes');
  if (header.onConflict !== 'REJECT_ACTION') {
    throw badHeader('once', 'goes with onConflict REJECT_ACTION: each action has its own verdict');
  }
  if (streams.some(({ action }) => action.at(-1) === tickItself)) {
    throw badHeader(
      'once',
      'has no effects of the tick itself: give them to an action, by whose id they are known',
    );
  }
}

function badHeader(path: string, complaint: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${path} ${complaint}`, { details: { path } });
}

function checkActionIds(ids: ColumnVector): void {
  if (ids.layout !== 'binary') throw new RangeError('action ids are strings');
  const { offsets, length } = ids;
  for (let i = 0; i < length; i++) {
    const bytes = (offsets[i + 1] as number) - (offsets[i] as number);
    if (bytes < 1 || bytes > 128) {
      throw new EngineError('BAD_USER_INPUT', `actions[${i}].actionId must have 1 to 128 bytes`, {
        details: { path: `actions[${i}].actionId` },
      });
    }
  }
  const repeated = firstRepeated(ids);
  if (repeated === -1) return;
  const id = valueAt(ids, repeated) as string;
  throw new EngineError('BAD_USER_INPUT', `actions[${repeated}].actionId "${id}" occurs twice`, {
    details: { path: `actions[${repeated}].actionId` },
  });
}

function checkFinite(vector: ColumnVector): void {
  const { kind, name } = vector.column;
  if (!holdsFloats(vector.column)) return;
  const leaf = vector.layout === 'list' ? vector.child : vector;
  if (!('values' in leaf) || areFinite(leaf)) return;
  const index = (leaf.values as Float64Array).findIndex((value) => !Number.isFinite(value));
  const path = `actions${placeIn(vector, name, index)}`;
  throw new EngineError('BAD_USER_INPUT', `${path} is ${outOfRange(kind)}`, {
    details: { path, column: name },
  });
}

/** Where the value, or the element of a list, of that index stands. */
function placeIn(vector: ColumnVector, name: string, index: number): string {
  if (vector.layout === 'strided') {
    const part = partColumns(vector.column)[index % vector.stride];
    return `[${Math.floor(index / vector.stride)}].${part?.name}`;
  }
  if (vector.layout !== 'list') return `[${index}].${name}`;
  const row = vector.offsets.findIndex((offset) => offset > index) - 1;
  return `[${row}].${name}[${index - (vector.offsets[row] as number)}]`;
}

/** How messages tell that a float is not one its column can hold. */
export function outOfRange(kind: string): string {
  return `out of the range of ${kind}, which is that of its finite numbers`;
}

/** Whether no value is a NaN or an infinity. */
export function areFinite(vector: FixedVector | StridedVector): boolean {
  const { values, layout } = vector;
  const length = layout === 'strided' ? vector.length * vector.stride : vector.length;
  if (!(values instanceof Float32Array) && !(values instanceof Float64Array)) return true;
  for (let i = 0; i < length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
