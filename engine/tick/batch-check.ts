import { EngineError } from '../errors.ts';
import { type ColumnVector, valueAt } from './column-vector.ts';
import type { TickBatch } from './tick-batch.ts';

/**
 * What holds for a batch whichever way it came: the session and tick are well formed, actions have
 * ids that are not empty and differ, their numbers are finite. Throws `BAD_USER_INPUT`.
 */
export function checkActionValues(batch: TickBatch): void {
  const { header, actions } = batch;
  if (header.tick !== null) {
    checkSessionId(header.sessionId);
    if (!Number.isInteger(header.tick) || header.tick < 0 || header.tick > 0xffff_fffe) {
      throw new EngineError('BAD_USER_INPUT', `tick must be a whole number from 0 to 4294967294`);
    }
  }
  if (header.idempotencyKey !== null && !/^[\x21-\x7e]{1,128}$/.test(header.idempotencyKey)) {
    throw new EngineError(
      'BAD_USER_INPUT',
      'idempotencyKey must be 1 to 128 visible ASCII characters',
    );
  }
  const [ids, ...columns] = actions.vectors;
  if (ids) checkActionIds(ids);
  for (const vector of columns) checkFinite(vector);
}

/** Throws `BAD_USER_INPUT` for an id that could not be part of a URL or a log line. */
export function checkSessionId(sessionId: string): void {
  if (!/^[\x21-\x7e]{1,128}$/.test(sessionId)) {
    throw new EngineError(
      'BAD_USER_INPUT',
      'sessionId must be 1 to 128 visible ASCII characters without spaces',
    );
  }
}

function checkActionIds(ids: ColumnVector): void {
  const seen = new Set<string>();
  for (let i = 0; i < ids.length; i++) {
    const id = valueAt(ids, i) as string;
    if (id.length === 0 || id.length > 128) {
      throw new EngineError(
        'BAD_USER_INPUT',
        `actions[${i}].actionId must have 1 to 128 characters`,
        { details: { path: `actions[${i}].actionId` } },
      );
    }
    if (seen.has(id)) {
      throw new EngineError('BAD_USER_INPUT', `actions[${i}].actionId "${id}" occurs twice`, {
        details: { path: `actions[${i}].actionId` },
      });
    }
    seen.add(id);
  }
}

function checkFinite(vector: ColumnVector): void {
  const { kind, name } = vector.column;
  if (kind !== 'f32' && kind !== 'f64') return;
  const leaf = vector.layout === 'list' ? vector.child : vector;
  if (leaf.layout !== 'fixed') return;
  for (let i = 0; i < leaf.length; i++) {
    if (Number.isFinite(leaf.values[i] as number)) continue;
    throw new EngineError('BAD_USER_INPUT', `a value of the actions' ${name} is not finite`, {
      details: { column: name },
    });
  }
}
