import { EngineError } from '../../model/errors.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import type { OrderBy } from '../../state/state-reader.ts';

/** A key of an order, ending with columns that make it unique. */
export interface OrderKey {
  readonly column: ColumnDefinition;
  readonly direction: 'ASC' | 'DESC';
}

/**
 * Where a page ended, for its reader to hand back: the values of the order's columns, with the
 * order itself, so that a cursor of another query is refused and not misread.
 */
export function encodeCursor(table: string, order: readonly OrderKey[], values: readonly Value[]) {
  const body = [signature(table, order), ...values.map(toJson)];
  return Buffer.from(JSON.stringify(body)).toString('base64url');
}

/** Throws `BAD_USER_INPUT` for anything `encodeCursor` did not make for this table and order. */
export function decodeCursor(table: string, order: readonly OrderKey[], cursor: string): Value[] {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw foreign();
  }
  if (!Array.isArray(body) || body.length !== order.length + 1) throw foreign();
  if (body[0] !== signature(table, order)) throw foreign();
  return order.map(({ column }, index) => fromJson(column, body[index + 1]));
}

/** `orderBy` completed by the columns that make it unique. Throws `BAD_USER_INPUT` for lists. */
export function completeOrder(
  orderBy: readonly OrderBy[],
  unique: readonly string[],
  find: (name: string) => ColumnDefinition,
): OrderKey[] {
  const order: OrderKey[] = [];
  const named = new Set<string>();
  for (const { column: name, direction } of orderBy) {
    const column = find(name);
    if (column.list) throw new EngineError('BAD_USER_INPUT', `lists have no order: "${name}"`);
    if (named.has(name)) continue;
    named.add(name);
    order.push({ column, direction });
  }
  for (const name of unique) {
    if (!named.has(name)) order.push({ column: find(name), direction: 'ASC' });
  }
  return order;
}

function signature(table: string, order: readonly OrderKey[]): string {
  return [table, ...order.map(({ column, direction }) => `${column.name} ${direction}`)].join(',');
}

function toJson(value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value;
}

function fromJson(column: ColumnDefinition, value: unknown): Value {
  if (value === null) {
    if (!column.optional) throw foreign();
    return null;
  }
  switch (column.kind) {
    case 'bool':
      if (typeof value !== 'boolean') throw foreign();
      return value;
    case 'i64':
    case 'u64':
      if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) throw foreign();
      return BigInt(value);
    case 'bytes':
      if (typeof value !== 'string' || !/^[\da-f]*$/.test(value)) throw foreign();
      return new Uint8Array(Buffer.from(value, 'hex'));
    case 'string':
    case 'json':
    case 'enum':
    case 'uuid':
      if (typeof value !== 'string') throw foreign();
      return value;
    default:
      if (typeof value !== 'number') throw foreign();
      return value;
  }
}

function foreign(): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    'the cursor is not of this list; take `after` from a page with the same order',
  );
}
