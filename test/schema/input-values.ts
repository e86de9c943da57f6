import fc from 'fast-check';
import {
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';

/** Values of an input type, as JSON has them. */
export function fitting(type: GraphQLInputType, depth: number): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return fitting(type.ofType, depth);
  if (isListType(type)) return fc.array(fitting(type.ofType, depth), { maxLength: 3 });
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    // Filters contain themselves.
    const usable = depth > 0 ? fields : fields.filter((field) => isNonNullType(field.type));
    if (type.isOneOf) {
      return fc.oneof(
        ...fields.map((field) =>
          fitting(field.type, depth - 1).map((value) => ({ [field.name]: value })),
        ),
      );
    }
    return fc.record(
      Object.fromEntries(usable.map((field) => [field.name, fitting(field.type, depth - 1)])),
      {
        requiredKeys: usable
          .filter((field) => isNonNullType(field.type) && field.defaultValue === undefined)
          .map((field) => field.name),
      },
    );
  }
  const scalars: Record<string, fc.Arbitrary<unknown>> = {
    Boolean: fc.boolean(),
    Int: fc.integer(),
    Float: fc.double({ noNaN: true, noDefaultInfinity: true }),
    String: fc.string(),
    ID: fc.string(),
    BigInt: fc.oneof(fc.maxSafeInteger(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String)),
    DateTime: fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((d) => d.toISOString()),
    Position: fc.nat().map((lsn) => `0:${lsn}`),
    JSON: fc.jsonValue().filter((value) => value !== null),
    Bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
  };
  const scalar = scalars[type.name];
  if (!scalar) throw new Error(`no values of ${type.name}`);
  return scalar;
}

/** Values that fit few places. */
export const wrong = fc.constantFrom<unknown>(
  null,
  true,
  1,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  '',
  'x',
  '12',
  'RED',
  [],
  [null],
  [1],
  {},
  { eq: 1 },
  '2026-01-31',
  '2026-01-31T12:00:00Z',
  '123e4567-e89b-12d3-a456-426614174000',
  JSON.parse('{ "__proto__": 1 }'),
);

/** Replaces one place of a value, chosen by `steps`, with something else, or adds a name to it. */
export function spoiled(value: unknown, steps: readonly number[], by: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== 'object' || value === null) return by;
  const names = Object.keys(value);
  if (names.length === 0 || step % 7 === 0) return { ...value, extra: by };
  const name = names[step % names.length] as string;
  const inner = spoiled((value as Record<string, unknown>)[name], rest, by);
  if (Array.isArray(value))
    return value.map((element, i) => (String(i) === name ? inner : element));
  return { ...value, [name]: inner };
}
