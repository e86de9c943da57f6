import { createHash } from 'node:crypto';
import { EngineError } from '../model/errors.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import { conditionText } from './canonical-condition.ts';
import { coerceScalar } from './coerce-scalar.ts';
import type { Condition } from './condition.ts';

/** A key of an order, ending with columns that make it unique. */
export interface OrderKey {
  readonly column: ColumnDefinition;
  readonly direction: 'ASC' | 'DESC';
}

/** What a page is of: a cursor holds for the pages after it of the same list alone. */
export interface ListIdentity {
  readonly table: string;
  readonly order: readonly OrderKey[];
  /** The list's condition, joined with what a role may see where it does not see all. */
  readonly where: Condition | null;
}

/**
 * Where a page ended, for its reader to hand back: a digest of the list, then the values of the
 * order's columns. Nothing else is in it, so that pages need no memory between them.
 */
export function encodeCursor(list: ListIdentity, values: readonly Value[]): string {
  return Buffer.from(JSON.stringify([digestOf(list), ...values.map(toJson)])).toString('base64url');
}

/**
 * Throws `BAD_USER_INPUT` for what `encodeCursor` did not make for this list, and for values that
 * the columns cannot have: clients write what they like.
 */
export function decodeCursor(list: ListIdentity, cursor: string): (Scalar | null)[] {
  const body = parse(cursor);
  if (!Array.isArray(body) || body.length !== list.order.length + 1) throw foreign();
  if (body[0] !== digestOf(list)) throw foreign();
  return list.order.map(({ column }, i) => fromJson(column, body[i + 1]));
}

function digestOf({ table, order, where }: ListIdentity): string {
  const keys = order.map(({ column, direction }) => [column.name, column.kind, direction]);
  return createHash('sha256')
    .update(JSON.stringify([table, keys, conditionText(where)]))
    .digest('base64url')
    .slice(0, 16);
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

function toJson(value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function fromJson(column: ColumnDefinition, value: unknown): Scalar | null {
  if (value === null && column.optional) return null;
  try {
    return coerceScalar(column, value, 'after');
  } catch (error) {
    if (error instanceof EngineError) throw foreign();
    throw error;
  }
}

function foreign(): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    'after: the cursor is not of this list; take it, unchanged, from a page with the same where and orderBy',
    { details: { path: 'after' } },
  );
}
