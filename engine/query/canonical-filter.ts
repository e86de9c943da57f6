import type { Scalar } from '../model/types.ts';
import type { Filter } from './filter.ts';

/**
 * A condition in one form for all ways to write it that differ in order and repetition only:
 * members of lists sorted and once, lists in lists of their kind laid flat, a list of one its member.
 */
export function canonicalFilter(filter: Filter): Filter {
  switch (filter.kind) {
    case 'and': {
      const all = distinct(
        filter.all
          .map(canonicalFilter)
          .flatMap((part) => (part.kind === 'and' ? part.all : [part])),
      );
      return all.length === 1 ? (all[0] as Filter) : { kind: 'and', all };
    }
    case 'or': {
      const any = distinct(
        filter.any.map(canonicalFilter).flatMap((part) => (part.kind === 'or' ? part.any : [part])),
      );
      return any.length === 1 ? (any[0] as Filter) : { kind: 'or', any };
    }
    case 'not': {
      const inner = canonicalFilter(filter.inner);
      return inner.kind === 'not' ? inner.inner : { kind: 'not', inner };
    }
    case 'in': {
      const { column } = filter;
      const values = distinct(filter.values);
      const [value] = values;
      return values.length === 1 && value !== undefined
        ? { kind: 'compare', column, op: 'eq', value }
        : { kind: 'in', column, values };
    }
    // Anew, so that members stand in one order whoever made the filter.
    case 'compare':
      return { kind: 'compare', column: filter.column, op: filter.op, value: filter.value };
    case 'between': {
      const { column, low, high } = filter;
      return { kind: 'between', column, low, high };
    }
    case 'isNull':
      return { kind: 'isNull', column: filter.column, isNull: filter.isNull };
  }
}

/** Equal for filters of one canonical form, and for no others. */
export function filterText(filter: Filter | null): string {
  return textOf(filter === null ? null : canonicalFilter(filter));
}

function distinct<T extends Filter | Scalar>(parts: readonly T[]): T[] {
  const byText = new Map(parts.map((part) => [textOf(part), part]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, part]) => part);
}

function textOf(value: Filter | Scalar | null): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'bigint') return { bigint: `${member}` };
    if (member instanceof Uint8Array) return { bytes: Buffer.from(member).toString('base64') };
    return member;
  });
}
