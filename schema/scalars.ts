import { GraphQLError, GraphQLScalarType, type ValueNode, valueFromASTUntyped } from 'graphql';
import { coerceScalar } from '../engine/index.ts';
import { plainColumn } from '../engine/model/plain-column.ts';
import { asLsn, formatPosition } from '../engine/model/position.ts';
import type { ColumnDefinition } from '../engine/model/types.ts';

/**
 * The scalars of the contract. In memory each has the shape of the engine (`Scalar`): this is the
 * edge where that shape meets JSON.
 */

const BigIntScalar = new GraphQLScalarType<bigint, number | string>({
  name: 'BigInt',
  description:
    'A whole number of 64 bits. Answered as a number where JavaScript holds it exactly (up to 2^53 - 1), else as a string of digits. Written as either.',
  serialize(value) {
    if (typeof value !== 'bigint') {
      if (Number.isSafeInteger(value)) return value as number;
      throw new GraphQLError(`BigInt cannot represent ${String(value)}`);
    }
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  },
  parseValue: (value) => parseBigInt(value),
  parseLiteral: (node) => parseBigInt(node.kind === 'IntValue' ? node.value : stringLiteral(node)),
});

function parseBigInt(value: unknown): bigint {
  const digits = typeof value === 'string' && /^-?\d{1,20}$/.test(value);
  if (typeof value !== 'bigint' && !digits && !Number.isSafeInteger(value)) {
    throw new GraphQLError(
      'BigInt must be a whole number, or a string of digits where it is past 2^53',
    );
  }
  const whole = BigInt(value as bigint | number | string);
  if (whole < -(2n ** 63n) || whole > 2n ** 64n - 1n) {
    throw new GraphQLError('BigInt must fit in 64 bits');
  }
  return whole;
}

const DateTimeScalar = new GraphQLScalarType<number, string>({
  name: 'DateTime',
  description:
    'A moment: ISO 8601 with a zone, such as "2026-01-31T12:00:00.000Z". Answered in UTC with milliseconds.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize(value) {
    const date = new Date(value as number);
    if (Number.isNaN(date.getTime())) throw new GraphQLError('DateTime out of range');
    return date.toISOString();
  },
  parseValue: (value) => coerceText('DateTime', 'timestamp', value) as number,
  parseLiteral: (node) => coerceText('DateTime', 'timestamp', stringLiteral(node)) as number,
});

const PositionScalar = new GraphQLScalarType<string, string>({
  name: 'Position',
  description:
    'A place in the title\'s log, "<shard>:<lsn>". Every write answers one and every read states one; a later place holds everything an earlier one of the same shard held.',
  serialize: (value) =>
    typeof value === 'number' ? formatPosition(asLsn(value)) : (value as string),
  parseValue: (value) => coerceText('position', 'string', value) as string,
  parseLiteral: (node) => coerceText('position', 'string', stringLiteral(node)) as string,
});

const JsonScalar = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value: an object, a list, a string, a number, true, false or null.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

const BytesScalar = new GraphQLScalarType<Uint8Array, string>({
  name: 'Bytes',
  description: 'Bytes, as base64 with padding.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc4648#section-4',
  serialize: (value) => Buffer.from(value as Uint8Array).toString('base64'),
  parseValue: (value) => coerceText('Bytes', 'bytes', value) as Uint8Array,
  parseLiteral: (node) => coerceText('Bytes', 'bytes', stringLiteral(node)) as Uint8Array,
});

export const scalarTypes = {
  BigInt: BigIntScalar,
  DateTime: DateTimeScalar,
  Position: PositionScalar,
  JSON: JsonScalar,
  Bytes: BytesScalar,
};

/** What the engine takes for a column of that name and kind, of what can be written as a string. */
function coerceText(name: string, kind: ColumnDefinition['kind'], value: unknown) {
  if (typeof value !== 'string') throw new GraphQLError(`${name} must be a string`);
  return coerceScalar(plainColumn(name, kind), value, name);
}

function stringLiteral(node: ValueNode): unknown {
  return node.kind === 'StringValue' ? node.value : undefined;
}
