import { kindOf, partColumns } from '../engine/model/kinds.ts';
import type { ColumnDefinition, Parts } from '../engine/model/types.ts';
import { type AnyType, anyType } from './any-type.ts';
import type { Builder } from './builder.ts';

/** The GraphQL types of a kind whose values have parts: `Vec3`, `Vec3Input`, `Vec3Add`, `Vec3Filter`. */
export interface PartsTypes {
  /** A value in answers. */
  readonly value: AnyType;
  /** A value to write: all its parts. */
  readonly input: AnyType;
  /** What to add: some of them. */
  readonly addend: AnyType;
  readonly filter: AnyType;
}

/** `scalarOf` and `filterOf` give the types of a part, which is a column as others are. */
export function addPartsTypes(
  builder: Builder,
  column: ColumnDefinition,
  scalarOf: (part: ColumnDefinition) => AnyType,
  filterOf: (part: ColumnDefinition) => AnyType,
): PartsTypes {
  const { graphql: name, description, parts } = kindOf(column);
  const named = partColumns(column).map((part, i) => [parts?.names[i] ?? '', part] as const);
  const input = (suffix: string, about: string, required: boolean) =>
    anyType(
      builder.inputType(`${name}${suffix}`, {
        description: about,
        fields: (t) =>
          Object.fromEntries(
            named.map(([key, part]) => [
              key,
              t.field({ type: scalarOf(part), required, description: `The part \`${key}\`.` }),
            ]),
          ),
      }),
    );
  const capitalised = description.charAt(0).toUpperCase() + description.slice(1);
  return {
    value: anyType(
      builder.objectRef<Parts>(name).implement({
        description: `${capitalised}.`,
        fields: (t) =>
          Object.fromEntries(
            named.map(([key, part]) => [
              key,
              t.field({
                type: scalarOf(part),
                description: `The part \`${key}\`.`,
                resolve: (value) => value[key],
              }),
            ]),
          ),
      }),
    ),
    input: input('Input', `${capitalised}.`, true),
    addend: input('Add', 'What to add to each part; none to those left out.', false),
    filter: anyType(
      builder.inputType(`${name}Filter`, {
        description: 'Conditions on the parts of one column. Everything given must hold.',
        fields: (t) => ({
          ...Object.fromEntries(
            named.map(([key, part]) => [
              key,
              t.field({ type: filterOf(part), description: `What holds of the part \`${key}\`.` }),
            ]),
          ),
          isNull: t.boolean({ description: 'true: no value; false: any value.' }),
        }),
      }),
    ),
  };
}
