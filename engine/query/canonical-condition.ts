import type { Scalar } from '../model/types.ts';
import { type Condition, walkCondition } from './condition.ts';

/**
 * A condition in one form for all ways to write it that differ in order and repetition only:
 * members of lists sorted and once, lists in lists of their kind laid flat, a list of one its member.
 * All anew, so that members stand in one order whoever made the condition.
 */
export function canonicalCondition(condition: Condition): Condition {
  return walkCondition<Condition>(condition, {
    and: (parts) => {
      const all = distinct(parts.flatMap((part) => (part.kind === 'and' ? part.all : [part])));
      return all.length === 1 ? (all[0] as Condition) : { kind: 'and', all };
    },
    or: (parts) => {
      const any = distinct(parts.flatMap((part) => (part.kind === 'or' ? part.any : [part])));
      return any.length === 1 ? (any[0] as Condition) : { kind: 'or', any };
    },
    not: (inner) => (inner.kind === 'not' ? inner.inner : { kind: 'not', inner }),
    compare: ({ column, op, value }) => ({ kind: 'compare', column, op, value }),
    in: ({ column, values: given }) => {
      const values = distinct(given);
      const [value] = values;
      return values.length === 1 && value !== undefined
        ? { kind: 'compare', column, op: 'eq', value }
        : { kind: 'in', column, values };
    },
    between: ({ column, low, high }) => ({ kind: 'between', column, low, high }),
    isNull: ({ column, isNull }) => ({ kind: 'isNull', column, isNull }),
  });
}

/** Equal for conditions of one canonical form, and for no others. */
export function conditionText(condition: Condition | null): string {
  return textOf(condition === null ? null : canonicalCondition(condition));
}

function distinct<T extends Condition | Scalar>(parts: readonly T[]): T[] {
  const byText = new Map(parts.map((part) => [textOf(part), part]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, part]) => part);
}

function textOf(value: Condition | Scalar | null): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'bigint') return { bigint: `${member}` };
    if (member instanceof Uint8Array) return { bytes: Buffer.from(member).toString('base64') };
    return member;
  });
}
