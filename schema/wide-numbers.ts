import {
  GraphQLError,
  GraphQLFloat,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLScalarType,
  GraphQLSchema,
  type GraphQLType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/**
 * GraphQL's own Int, but for one thing: a u32 above 2^31-1 is answered as the number it is. Such a
 * value can only have been committed by Arrow. To fail the field, as the GraphQL specification
 * asks, would null the row around it and, since lists hold no nulls, the whole answer. A scalar of
 * another name would make clients treat every player id as a stranger.
 */
export const WideInt = new GraphQLScalarType<number, number>({
  ...GraphQLInt.toConfig(),
  description:
    'A whole number from -2147483648 to 2147483647. An unsigned 32-bit column that was committed by Arrow may hold up to 4294967295; such a value is answered as it is, but cannot be written here.',
  serialize(value) {
    const isWhole = typeof value === 'number' && Number.isInteger(value);
    if (!isWhole || value < -(2 ** 31) || value > 2 ** 32 - 1) {
      throw new GraphQLError(`Int cannot represent ${String(value)}`);
    }
    return value;
  },
});

/**
 * GraphQL's own Float, but for one thing: a sum past the range of a double is answered as the double
 * of the largest amount and its sign. No row holds such a value, but a view or a group may come to
 * one, and JSON has no infinity. To fail the field would null the answer around it, and every frame
 * of a view, for as long as its rows add up to that; and a sum is not null, as there are rows.
 */
export const WideFloat = new GraphQLScalarType<number, number>({
  ...GraphQLFloat.toConfig(),
  description: `A double-precision number. A sum past their range is answered as the largest of them, ${Number.MAX_VALUE} or its negative.`,
  serialize(value) {
    if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
    if (value === Number.NEGATIVE_INFINITY) return -Number.MAX_VALUE;
    return GraphQLFloat.serialize(value);
  },
});

const wideTypes: ReadonlyMap<GraphQLType, GraphQLType> = new Map<GraphQLType, GraphQLType>([
  [GraphQLInt, WideInt],
  [GraphQLFloat, WideFloat],
]);

/** The schema with `WideInt` and `WideFloat` in place of Int and Float. Pothos offers no way to say so; its types are changed. */
export function withWideNumbers(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig();
  for (const type of config.types) {
    if (isObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        field.type = widened(field.type);
        for (const arg of field.args) (arg as { type: GraphQLType }).type = widened(arg.type);
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) field.type = widened(field.type);
    }
  }
  return new GraphQLSchema({
    ...config,
    types: config.types.filter((type) => !wideTypes.has(type)),
  });
}

function widened<T extends GraphQLType>(type: T): T {
  if (isNonNullType(type)) return new GraphQLNonNull(widened(type.ofType)) as unknown as T;
  if (isListType(type)) return new GraphQLList(widened(type.ofType)) as unknown as T;
  return (wideTypes.get(type) ?? type) as T;
}
