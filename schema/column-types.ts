import { operatorsOf, type WhereOperator } from '../engine/index.ts';
import { isPosition, kindOf } from '../engine/model/kinds.ts';
import type { ColumnDefinition } from '../engine/model/types.ts';
import { type AnyType, anyType } from './any-type.ts';
import type { Builder } from './builder.ts';
import { conflictCodeName, isIdColumn } from './names.ts';
import { addPartsTypes, type PartsTypes } from './parts-types.ts';
import type { RelationColumn } from './relation.ts';

/** The GraphQL types of columns: scalars by kind, enums and inputs of conditions made once and shared. */
export class ColumnTypes {
  readonly #builder: Builder;
  readonly #enums = new Map<string, AnyType>();
  readonly #filters = new Map<string, AnyType>();
  readonly #parts = new Map<string, PartsTypes>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  /** The type of one value: a list column's element type. */
  scalarOf(column: RelationColumn): AnyType {
    const parts = this.#partsOf(column);
    if (parts) return parts.value;
    return column.enumName === null
      ? anyType(scalarNameOf(column))
      : this.#enumOf(column, column.enumName);
  }

  /** The type of the column: a list of its scalar for a list column. */
  typeOf(column: RelationColumn): AnyType {
    const scalar = this.scalarOf(column);
    return column.definition.list ? anyType([scalar]) : scalar;
  }

  /** The type of the column in inputs. */
  inputOf(column: RelationColumn): AnyType {
    return this.#partsOf(column)?.input ?? this.typeOf(column);
  }

  /** The type of what is added to the column. */
  addendOf(column: RelationColumn): AnyType {
    return this.#partsOf(column)?.addend ?? this.typeOf(column);
  }

  /** What `where` may say of the column: `IntFilter`, `ActionKindFilter`. */
  filterOf(column: RelationColumn): AnyType {
    const parts = this.#partsOf(column);
    if (parts) return parts.filter;
    const operators = operatorsOf(column.definition);
    const name = filterNameOf(column, operators);
    const known = this.#filters.get(name);
    if (known) return known;
    const scalar = this.scalarOf(column);
    const filter = anyType(
      this.#builder.inputType(name, {
        description: filterDescriptionOf(operators),
        fields: (t) =>
          Object.fromEntries(
            operators.map((operator) => [
              operator,
              t.field({
                type: operandTypeOf(operator, scalar),
                description: operatorDescriptions[operator],
              }),
            ]),
          ),
      }),
    );
    this.#filters.set(name, filter);
    return filter;
  }

  /** Null of a column whose values have no parts. */
  #partsOf({ definition }: RelationColumn): PartsTypes | null {
    const { parts, graphql } = kindOf(definition);
    if (!parts) return null;
    const known = this.#parts.get(graphql);
    if (known) return known;
    const asColumn = (part: ColumnDefinition): RelationColumn => {
      return { definition: part, enumName: null, description: '' };
    };
    const made = addPartsTypes(
      this.#builder,
      definition,
      (part) => this.scalarOf(asColumn(part)),
      (part) => this.filterOf(asColumn(part)),
    );
    this.#parts.set(graphql, made);
    return made;
  }

  #enumOf(column: RelationColumn, name: string): AnyType {
    const known = this.#enums.get(name);
    if (known) return known;
    const made = anyType(
      this.#builder.enumType(name, {
        description:
          name === conflictCodeName
            ? 'Why an effect did not hold, in order of precedence: the first that is true is the one reported, and the first failing effect of an action decides.'
            : `The values of \`${column.definition.name}\`.`,
        values: column.definition.values,
      }),
    );
    this.#enums.set(name, made);
    return made;
  }
}

function scalarNameOf(column: RelationColumn): string {
  const { definition } = column;
  if (isPosition(definition)) return 'Position';
  if (isIdColumn(definition)) return 'ID';
  return kindOf(definition).graphql;
}

/** Lists and JSON share one input of conditions; UUIDs are IDs without an order and so have their own. */
function filterNameOf(column: RelationColumn, operators: readonly WhereOperator[]): string {
  if (operators.length === 1) return 'PresenceFilter';
  if (column.definition.personal) return 'PersonalFilter';
  if (column.definition.kind === 'uuid') return 'UuidFilter';
  return `${column.enumName ?? scalarNameOf(column)}Filter`;
}

function operandTypeOf(operator: WhereOperator, scalar: AnyType): AnyType {
  switch (operator) {
    case 'in':
    case 'between':
      return anyType([scalar]);
    case 'isNull':
      return anyType('Boolean');
    case 'like':
      return anyType('String');
    default:
      return scalar;
  }
}

function filterDescriptionOf(operators: readonly WhereOperator[]): string {
  return operators.length === 1
    ? 'A condition on a column whose values are not compared: only whether there is one.'
    : 'A condition on one column. Everything given must hold; a comparison with null does not.';
}

const operatorDescriptions: Readonly<Record<WhereOperator, string>> = {
  eq: 'Equal to.',
  ne: 'Present and not equal to.',
  in: 'One of these; none of them matches nothing.',
  lt: 'Less than.',
  lte: 'Less than or equal to.',
  gt: 'Greater than.',
  gte: 'Greater than or equal to.',
  between: 'Two values, the low and the high end, both included.',
  isNull: 'true: no value; false: any value.',
  like: "SQL's LIKE: `%` for any run of characters, `_` for one, `\\` before either for itself.",
};
