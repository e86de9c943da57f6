import { columnNamed } from '../../model/kinds.ts';
import type { ColumnDefinition, Scalar, TableDefinition } from '../../model/types.ts';
import { type CompareOp, conjunction } from '../../query/condition.ts';
import { type ConditionForm, conditionForm, operandColumn } from '../../query/condition-form.ts';
import { likePatternProblem } from '../../query/like-pattern.ts';
import { parseWhere } from '../../query/parse-where.ts';
import { operatorsOf } from '../../query/where-operators.ts';
import { areFinite } from '../../tick/batch-check.ts';
import { misfit } from '../../vectors/arrow/arrow-misfit.ts';
import { type ColumnVector, valueAt } from '../../vectors/column-vector.ts';
import { atMost } from '../at-most.ts';
import { badStream, type ColumnPlan, type StreamFields } from './stream-fields.ts';

/** The `require` of a stream: one form, whose operands stand in columns or beside them. */
export interface RequirePlan<Read> {
  readonly form: ConditionForm;
  readonly byRow: readonly OperandPlan<Read>[];
  /** The operands behind those, the same in every row. */
  readonly constants: readonly ConstantPlan[];
}

interface OperandPlan<Read> extends ColumnPlan<Read> {
  readonly op: CompareOp;
}

export interface ConstantPlan {
  readonly column: ColumnDefinition;
  readonly value: Scalar;
}

/** Throws `BAD_USER_INPUT` naming the stream for what its table cannot be asked. */
export function planRequire<Read>(
  table: TableDefinition,
  names: readonly string[],
  require: unknown,
  fields: StreamFields<Read>,
): RequirePlan<Read> {
  const { place } = fields;
  const columns = new Map(table.columns.map((column) => [column.name, column]));
  const find = (name: string) => columnNamed(table.columns, name);
  const byRow = names.map((name): OperandPlan<Read> => {
    const match = /^require\.(\w+(?:\.\w+)?)\.(eq|ne|lt|lte|gt|gte|like)$/.exec(name);
    const column = match ? find(match[1] as string) : undefined;
    if (!match || !column) {
      throw badStream(place, `"${name}" is not require.<column>.<eq|ne|lt|lte|gt|gte|like>`, name);
    }
    const op = match[2] as CompareOp;
    if (!operatorsOf(column).includes(op)) {
      throw badStream(place, `"${name}": ${column.kind} is not compared by ${op}`, name);
    }
    return { ...fields.plan(name, operandColumn(column)), op };
  });
  const all = byRow.map(
    ({ column, op }, operand): ConditionForm => ({
      kind: 'compare',
      column: column.name,
      op,
      operand,
    }),
  );
  if (require === undefined) return { form: conjunction(all), byRow, constants: [] };
  const shared = conditionForm(parseWhere(columns, require, `${place}.require`), byRow.length);
  const constants = shared.operands.map(({ column, value }) => ({
    column: operandColumn(find(column) as ColumnDefinition),
    value,
  }));
  return { form: conjunction([...all, shared.form]), byRow, constants };
}

/** What `parseWhere` asks of the operands of a `where`. */
export function checkOperand(operand: ColumnVector, op: CompareOp, place: string): void {
  if (operand.layout === 'fixed' && !areFinite(operand)) {
    throw misfit(place, 'holds a NaN or an infinity');
  }
  if (op !== 'like') return;
  for (let row = 0; row < operand.length; row++) {
    const pattern = valueAt(operand, row) as string;
    atMost(pattern.length, 'likePatternLengthMax', `characters in ${place}[${row}]`);
    const problem = likePatternProblem(pattern);
    if (problem !== null) {
      throw badStream(`${place}[${row}]`, problem);
    }
  }
}
