import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, Row, Scalar, Value } from '../model/types.ts';
import { type Comparison, type Condition, walkCondition } from '../query/condition.ts';
import type { PersonalValues } from './personal-values.ts';

type Columns = ReadonlyMap<string, ColumnDefinition>;

/**
 * A condition on values as one on what is stored: a personal value becomes its token, or the tokens of
 * all who have it. A value that nobody has becomes one that no row holds, so that `ne` still holds for
 * all that are present.
 */
export function sealedCondition(
  condition: Condition,
  columns: Columns,
  personal: PersonalValues,
): Condition {
  let total = 0;
  const tokens = (column: ColumnDefinition, value: Scalar) => {
    const found = tokensIn(column, value, personal);
    total += found.length;
    if (total > limits.filterTermsMax) throw tooMany();
    return found;
  };
  const ruled = ({ column }: Comparison) => {
    const found = columns.get(column);
    return found?.personal ? found : null;
  };
  return walkCondition<Condition>(condition, {
    and: (all) => ({ kind: 'and', all }),
    or: (any) => ({ kind: 'or', any }),
    not: (inner) => ({ kind: 'not', inner }),
    isNull: (leaf) => leaf,
    between: (leaf) => leaf,
    in: (leaf) => {
      const column = ruled(leaf);
      return column === null
        ? leaf
        : { ...leaf, values: leaf.values.flatMap((value) => tokens(column, value)) };
    },
    compare: (leaf) => {
      const column = ruled(leaf);
      if (column === null) return leaf;
      const found = tokens(column, leaf.value);
      const [first = leaf.value] = found;
      if (found.length === 1) return { ...leaf, value: first };
      const isOneOf: Condition = { kind: 'in', column: leaf.column, values: found };
      if (leaf.op === 'eq') return isOneOf;
      const isThere: Condition = { kind: 'isNull', column: leaf.column, isNull: false };
      return { kind: 'and', all: [isThere, { kind: 'not', inner: isOneOf }] };
    },
  });
}

/** A key of values as the key of what is stored. */
export function sealedKey(key: Row, columns: Columns, personal: PersonalValues): Row {
  const sealed: { [column: string]: Value } = {};
  for (const [name, value] of Object.entries(key)) {
    const isPersonal = columns.get(name)?.personal !== undefined && typeof value === 'string';
    sealed[name] = isPersonal ? personal.ownToken(value) : value;
  }
  return sealed;
}

/** One at least. */
function tokensIn(
  column: ColumnDefinition,
  value: Scalar,
  personal: PersonalValues,
): readonly Scalar[] {
  const text = String(value);
  if (column.personal?.subject === null) return [personal.ownToken(text)];
  const tokens = personal.tokensOf(text, limits.filterTermsMax);
  // No token is the one that nobody has.
  return tokens.length === 0 ? [noToken] : tokens;
}

/** A text that is no entry's token, so that nothing is equal to it. */
export const noToken = '~';

function tooMany(): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `a condition may compare with ${limits.filterTermsMax} values at most, and more people have these: ask by the column that names the person`,
    { details: { limit: 'filterTermsMax', max: limits.filterTermsMax } },
  );
}
