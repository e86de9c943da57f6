import type { ColumnDefinition, Scalar } from '../model/types.ts';
import type { ColumnVector } from '../vectors/column-vector.ts';
import {
  type CompareOp,
  type Condition,
  conjunction,
  type FormLeaf,
  walkCondition,
} from './condition.ts';

/** A condition with its values taken out: effects whose `require` is of one form share a stream. */
export type ConditionForm = Condition<FormLeaf>;

/** A value that a form refers to by its number. */
export interface Operand {
  readonly column: string;
  readonly value: Scalar;
}

export interface FormedCondition {
  readonly form: ConditionForm;
  /** In order of their numbers. */
  readonly operands: readonly Operand[];
}

/** A stream's `require`: its form, and each operand as a column, a value for each of the stream's effects. */
export interface StreamCondition {
  readonly form: ConditionForm;
  readonly operands: readonly ColumnVector[];
}

/** Takes the values out; they are numbered from `firstOperand`. */
export function conditionForm(condition: Condition, firstOperand = 0): FormedCondition {
  const operands: Operand[] = [];
  const compare = (column: string, op: CompareOp, value: Scalar): ConditionForm => {
    const operand = firstOperand + operands.push({ column, value }) - 1;
    return { kind: 'compare', column, op, operand };
  };
  const form = walkCondition<ConditionForm>(condition, {
    and: conjunction,
    or: (any) => ({ kind: 'or', any }),
    not: (inner) => ({ kind: 'not', inner }),
    isNull: (leaf) => leaf,
    compare: ({ column, op, value }) => compare(column, op, value),
    in: ({ column, values }) => ({
      kind: 'or',
      any: values.map((value) => compare(column, 'eq', value)),
    }),
    between: ({ column, low, high }) =>
      conjunction([compare(column, 'gte', low), compare(column, 'lte', high)]),
  });
  return { form, operands };
}

/** An operand is never null, whatever its column may be. */
export function operandColumn(column: ColumnDefinition): ColumnDefinition {
  return column.optional ? { ...column, optional: false } : column;
}
