import {
  GraphQLError,
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

/** The schema with `WideInt` in place of Int. Pothos offers no way to say so; its types are changed. */
export function withWideInt(schema: GraphQLSchema): GraphQLSchema {
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
    types: config.types.filter((type) => type !== GraphQLInt),
  });
}

function widened<T extends GraphQLType>(type: T): T {
  if (isNonNullType(type)) return new GraphQLNonNull(widened(type.ofType)) as unknown as T;
  if (isListType(type)) return new GraphQLList(widened(type.ofType)) as unknown as T;
  return (type === (GraphQLInt as GraphQLType) ? WideInt : type) as T;
}
