import type { Table } from 'apache-arrow';
import { viewColumns } from '../../engine/manifest/view-columns.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import type {
  ColumnDefinition,
  GroupViewDefinition,
  Row,
  Value,
} from '../../engine/model/types.ts';
import { utf8 } from '../../engine/model/utf8.ts';

/** The names of a part's file: what it is of, the view or table, and the column if it has one. */
export type PartTables = ReadonlyMap<string, Table>;

/** A view's rows, worked out from a checkpoint's files as any reader of Arrow finds them. */
export function rowsOfArrow(catalog: Catalog, view: GroupViewDefinition, parts: PartTables): Row[] {
  const { key, values } = viewColumns(catalog.manifest, view);
  const groups = parts.get(`groups-${view.name}`);
  return Array.from({ length: groups?.numRows ?? 0 }, (_, group) => {
    const cell = (name: string) => groups?.getChild(name)?.get(group) ?? null;
    const texts = (column: string) => parts.get(`texts-${view.from}-${column}`)?.getChild('text');
    const keyValues = key.map((column) => {
      const text = (number: number) => texts(column.name)?.get(number) as string;
      return [column.name, keyValue(column, cell, text)];
    });
    const own = values.map((column) => [column.name, heldValue(column, cell)]);
    return Object.fromEntries([...keyValues, ...own]) as Row;
  });
}

type Cell = (name: string) => number | Uint8Array | null;

function keyValue(
  { name, kind, optional, values }: ColumnDefinition,
  cell: Cell,
  text: (number: number) => string,
): Value {
  if (optional && cell(`${name}.isPresent`) === 0) return null;
  const number = (lane: string) => cell(lane) as number;
  switch (kind) {
    case 'bool':
      return number(name) === 1;
    case 'enum':
      return values[number(name)] as string;
    case 'string':
      return text(number(`${name}.text`));
    case 'uuid': {
      const words = [0, 1, 2, 3].map((word) => number(`${name}.word${word}`));
      const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    }
    case 'i64':
    case 'u64':
    case 'timestamp': {
      const wide = (BigInt(number(`${name}.high`)) << 32n) | BigInt(number(`${name}.low`));
      const value = kind === 'u64' ? wide : BigInt.asIntN(64, wide);
      return kind === 'timestamp' ? Number(value) : value;
    }
    default:
      return kind.startsWith('i') ? number(name) | 0 : number(name);
  }
}

function heldValue({ name, kind }: ColumnDefinition, cell: Cell): Value {
  const units = cell(`${name}.units`);
  if (units !== null)
    return BigInt(Number(units)) * 2n ** 52n + BigInt(Number(cell(`${name}.rest`)));
  const sum = cell(`${name}.sum`);
  if (sum !== null) return Number(sum) + Number(cell(`${name}.lost`));
  const high = cell(`${name}.high`);
  if (high !== null) {
    if (Number.isNaN(high)) return null;
    const value = (BigInt(Number(high)) << 32n) | BigInt(Number(cell(`${name}.low`)));
    return kind === 'timestamp' ? Number(value) : value;
  }
  const value = cell(name);
  if (value instanceof Uint8Array) return utf8.decode(value);
  if (value === null || Number.isNaN(value)) return null;
  return kind === 'u64' ? BigInt(value) : value;
}
