import { kindTexts } from './kinds.ts';
import type { SdkColumn } from './relation.ts';

/** A column's type in TypeScript. */
export function columnType(column: SdkColumn): string {
  const scalar = scalarType(column);
  const value = column.list ? `readonly ${scalar}[]` : scalar;
  return column.optional ? `${value} | null` : value;
}

function scalarType(column: SdkColumn): string {
  return column.enumName ?? kindTexts[column.kind].type;
}

/** A column's kind in the descriptor: `u32`, `u32?`, `u32[]`. */
export function columnSpec(column: SdkColumn): string {
  const kind = column.kind === 'position' ? 'string' : column.kind;
  return `${kind}${column.list ? '[]' : ''}${column.optional ? '?' : ''}`;
}

/** Integers, whose sums are bigint. */
export function isInteger(column: SdkColumn): boolean {
  const { sum } = kindTexts[column.kind];
  return !column.list && sum !== null && sum !== 'f64';
}

export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** `'a' | 'b'`; `never` of nothing. */
export function union(values: readonly string[]): string {
  return values.length === 0 ? 'never' : values.map(quoted).join(' | ');
}

/** A property's name, quoted where it is no identifier. */
export function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
}
