import { columnNamed } from '../../model/kinds.ts';
import { limits } from '../../model/limits.ts';
import type { ColumnDefinition, TableDefinition } from '../../model/types.ts';
import { type GuardCondition, operandColumn } from '../../query/guard.ts';
import { type GuardTemplate, guardTemplate } from '../../query/guard-filter.ts';
import { likePatternProblem } from '../../query/like-pattern.ts';
import { parseWhere } from '../../query/parse-where.ts';
import { operatorsOf } from '../../query/where-operators.ts';
import { areFinite } from '../../tick/batch-check.ts';
import { misfit } from '../../vectors/arrow/arrow-misfit.ts';
import { type ColumnVector, valueAt } from '../../vectors/column-vector.ts';
import { atMost } from '../at-most.ts';
import { badStream, type ColumnPlan, type StreamFields } from './stream-fields.ts';

type CompareOp = Extract<GuardCondition, { kind: 'compare' }>['op'];

/** The `require` of a stream: one condition, whose operands stand in columns or beside them. */
export interface GuardPlan<Read> {
  readonly condition: GuardCondition;
  readonly byRow: readonly OperandPlan<Read>[];
  /** The operands behind those, the same in every row. */
  readonly constants: readonly ConstantPlan[];
}

interface OperandPlan<Read> extends ColumnPlan<Read> {
  readonly op: CompareOp;
}

export interface ConstantPlan {
  readonly column: ColumnDefinition;
  readonly value: GuardTemplate['operands'][number]['value'];
}

/** Throws `BAD_USER_INPUT` naming the stream for what its table cannot be asked. */
export function planGuard<Read>(
  table: TableDefinition,
  names: readonly string[],
  require: unknown,
  fields: StreamFields<Read>,
): GuardPlan<Read> {
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
    ({ column, op }, operand): GuardCondition => ({
      kind: 'compare',
      column: column.name,
      op,
      operand,
    }),
  );
  if (require === undefined) return { condition: { kind: 'and', all }, byRow, constants: [] };
  const template = guardTemplate(parseWhere(columns, require, `${place}.require`));
  const constants = template.operands.map(({ column, value }) => ({
    column: operandColumn(find(column) as ColumnDefinition),
    value,
  }));
  all.push(shifted(template.condition, byRow.length));
  return { condition: { kind: 'and', all }, byRow, constants };
}

/** What `parseWhere` asks of the operands of a `where`. */
export function checkOperand(operand: ColumnVector, op: CompareOp, place: string): void {
  if (operand.layout === 'fixed' && !areFinite(operand)) {
    throw misfit(place, 'holds a NaN or an infinity');
  }
  if (op !== 'like') return;
  for (let row = 0; row < operand.length; row++) {
    const pattern = valueAt(operand, row) as string;
    atMost(pattern.length, limits.likePatternLengthMax, `characters in ${place}[${row}]`);
    const problem = likePatternProblem(pattern);
    if (problem !== null) {
      throw badStream(`${place}[${row}]`, problem);
    }
  }
}

/** The condition with its operands counted from `by` on. */
function shifted(condition: GuardCondition, by: number): GuardCondition {
  switch (condition.kind) {
    case 'and':
      return { kind: 'and', all: condition.all.map((part) => shifted(part, by)) };
    case 'or':
      return { kind: 'or', any: condition.any.map((part) => shifted(part, by)) };
    case 'not':
      return { kind: 'not', inner: shifted(condition.inner, by) };
    case 'compare':
      return { ...condition, operand: condition.operand + by };
    case 'isNull':
      return condition;
  }
}
