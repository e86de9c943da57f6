import { createHash } from 'node:crypto';
import { type ConflictCode, conflictCodes } from '../../engine/model/system-columns.ts';
import type {
  ColumnDefinition,
  Row,
  ScalarKind,
  TableDefinition,
  Value,
} from '../../engine/model/types.ts';

export interface ModelRow {
  readonly row: Row;
  readonly version: number;
}

/** A row that a tick changed; null: there was none before, there is none after. */
export type RowChange =
  | { readonly before: ModelRow | null; readonly after: ModelRow }
  | { readonly before: ModelRow; readonly after: null };

export const chainStart = '0'.repeat(64);

/**
 * The next link of a session's chain, hexadecimal: everything that is hashed written out cell by
 * cell and put together.
 *
 * ```
 * link before | digest | a byte an action: 0, or 1 + the conflict's place in the precedence
 * a table:    name \0 rows \0 | kinds: 1 inserted, 2 updated, 3 deleted | versions u32
 *   a column: name \0 | bits of what is not null, where a null is | values, as Arrow lays them out
 * ```
 *
 * A deleted row counts as it was, at its last version plus one. `sessionId` and columns without a
 * value are left out.
 */
export function nextLink(
  previous: string,
  digest: string,
  verdicts: readonly (ConflictCode | null)[],
  changed: ReadonlyMap<TableDefinition, readonly RowChange[]>,
): string {
  const codes = verdicts.map((code) => (code === null ? 0 : 1 + conflictCodes.indexOf(code)));
  const parts: Uint8Array[] = [
    Buffer.from(previous, 'hex'),
    Buffer.from(digest, 'hex'),
    Buffer.from(codes),
  ];
  for (const [table, changes] of changed) {
    const kinds = changes.map(({ before, after }) => (before === null ? 1 : after ? 2 : 3));
    const rows = changes.map(({ before, after }) => {
      return after ?? { row: before.row, version: before.version + 1 };
    });
    parts.push(Buffer.from(`${table.name}\0${rows.length}\0`), Buffer.from(kinds));
    parts.push(...rows.map(({ version }) => numberBytes('u32', version)));
    for (const column of table.columns) {
      const cells = rows.map(({ row }) => row[column.name] ?? null);
      if (column.name === 'sessionId' || cells.every((cell) => cell === null)) continue;
      parts.push(Buffer.from(`${column.name}\0`), ...columnBytes(column, cells));
    }
  }
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex');
}

function columnBytes(column: ColumnDefinition, cells: readonly Value[]): Uint8Array[] {
  const validity = cells.includes(null) ? [bitsOf(cells.map((cell) => cell !== null))] : [];
  switch (column.kind) {
    case 'bool':
      return [...validity, bitsOf(cells.map((cell) => cell === true))];
    case 'string': {
      const texts = cells.map((cell) => Buffer.from((cell ?? '') as string));
      const ends = texts.map((_, i) => Buffer.concat(texts.slice(0, i + 1)).length);
      return [...validity, ...[0, ...ends].map((end) => numberBytes('u32', end)), ...texts];
    }
    case 'enum': {
      const ordinals = cells.map((cell) => (cell === null ? 0 : column.values.indexOf(`${cell}`)));
      return [...validity, ...ordinals.map((ordinal) => numberBytes('u16', ordinal))];
    }
    case 'vec3': {
      const parts = cells.map((cell) => Object.values((cell ?? { x: 0, y: 0, z: 0 }) as Row));
      return [...validity, ...parts.flat().map((part) => numberBytes('f32', part))];
    }
    default:
      return [...validity, ...cells.map((cell) => numberBytes(column.kind, cell ?? 0))];
  }
}

/** Little-endian, as wide as its kind. */
function numberBytes(kind: ScalarKind, value: Value): Buffer {
  const bytes = Buffer.alloc(8);
  if (kind === 'f32') bytes.writeFloatLE(value as number);
  else if (kind === 'f64') bytes.writeDoubleLE(value as number);
  else bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as number | bigint)));
  return bytes.subarray(0, Number(/\d+/.exec(kind)) / 8);
}

/** The least significant bit first. */
function bitsOf(flags: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(flags.length / 8));
  flags.forEach((flag, i) => {
    if (flag) bytes.writeUInt8(bytes.readUInt8(i >> 3) | (1 << (i & 7)), i >> 3);
  });
  return bytes;
}
