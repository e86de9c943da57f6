import type { ColumnDefinition, WhereInput } from '../model/types.ts';
import { coerceScalar } from './coerce-scalar.ts';
import { type CompareOp, conjunction } from './condition.ts';
import {
  type ConditionForm,
  conditionForm,
  type FormedCondition,
  type Operand,
} from './condition-form.ts';
import { parseWhere } from './parse-where.ts';
import { operatorsOf } from './where-operators.ts';

/** A `require`, and a text that is equal for equal forms. */
export interface RequireInput extends FormedCondition {
  readonly formText: string;
}

const simpleOps: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'lte', 'gt', 'gte']);

/**
 * Reads a `require`. The usual one, comparisons of columns that must all hold, is read straight
 * away (a large tick has one an effect); everything else, and everything wrong, goes through
 * `parseWhere`, so that both mean the same and errors are told in one place.
 */
export function readRequire(
  columns: ReadonlyMap<string, ColumnDefinition>,
  require: WhereInput,
  place: () => string,
): RequireInput {
  return readSimple(columns, require) ?? readGeneral(columns, require, place);
}

function readSimple(
  columns: ReadonlyMap<string, ColumnDefinition>,
  require: WhereInput,
): RequireInput | null {
  const all: ConditionForm[] = [];
  const operands: Operand[] = [];
  let formText = '';
  for (const name in require) {
    const column = columns.get(name);
    const operators = require[name];
    if (!column || typeof operators !== 'object' || operators === null) return null;
    for (const op in operators) {
      const value = (operators as Record<string, unknown>)[op];
      if (!simpleOps.has(op) || !isPlain(column, op as CompareOp, value)) return null;
      formText += `${name} ${op} `;
      all.push({ kind: 'compare', column: name, op: op as CompareOp, operand: all.length });
      operands.push({ column: name, value: coerceScalar(column, value, name) });
    }
  }
  return all.length === 0 ? null : { form: conjunction(all), operands, formText };
}

/**
 * A value on which `coerceScalar` has nothing to refuse, of the kinds that stand in most of a large
 * tick's requires: a switch costs less there than a look at the table. Others go the general way.
 */
function isPlain(column: ColumnDefinition, op: CompareOp, value: unknown): boolean {
  if (op !== 'eq' && op !== 'ne' && !operatorsOf(column).includes(op)) return false;
  switch (column.kind) {
    case 'u32':
      return typeof value === 'number' && value >>> 0 === value;
    case 'f64':
      return typeof value === 'number' && Number.isFinite(value);
    case 'string':
      return typeof value === 'string' && value.length < 1024 && !/\p{Surrogate}/u.test(value);
    case 'bool':
      return typeof value === 'boolean';
    default:
      return false;
  }
}

function readGeneral(
  columns: ReadonlyMap<string, ColumnDefinition>,
  require: WhereInput,
  place: () => string,
): RequireInput {
  const formed = conditionForm(parseWhere(columns, require, `${place()}.require`));
  return { ...formed, formText: JSON.stringify(formed.form) };
}
