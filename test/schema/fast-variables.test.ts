import fc from 'fast-check';
import { execute, type GraphQLInputType, getVariableValues, Kind, parse } from 'graphql';
import { expect, test } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { FastVariables } from '../../schema/fast-variables.ts';
import { runs } from '../budget.ts';
import { allKinds } from './all-kinds.ts';
import { fitting, spoiled, wrong } from './input-values.ts';

const schema = buildSchema(new Catalog(allKinds));
const fast = new FastVariables(schema);
const document = parse(
  'mutation M($input: CommitTickInput!) { commitTick(input: $input) { __typename } }',
);
const inputType = schema.getType('CommitTickInput') as GraphQLInputType;

/** What graphql-js makes of the variables, or null where it refuses them. */
function reference(variables: Record<string, unknown>): unknown {
  const operation = document.definitions[0];
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  const values = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  return values.coerced ? normal(values.coerced) : null;
}

/** Without the prototypes that tell graphql-js's copies from what JSON gave. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, normal(inner)]));
}

test('what fits is coerced as graphql-js does', () => {
  fc.assert(
    fc.property(fitting(inputType, 5), (input) => {
      const expected = reference({ input });
      expect(expected).not.toBe(null);
      const prepared = fast.prepare({ schema, document, variableValues: { input } });
      expect(normal(prepared?.variableValues)).toEqual(expected);
    }),
    { numRuns: runs(300) },
  );
});

test('what does not fit is left to graphql-js, and the input is never changed', () => {
  fc.assert(
    fc.property(
      fitting(inputType, 5),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 7 }),
      wrong,
      (whole, steps, by) => {
        const input = spoiled(whole, steps, by);
        const before = structuredClone(input);
        const expected = reference({ input });
        const prepared = fast.prepare({ schema, document, variableValues: { input } });
        expect(input).toEqual(before);
        if (prepared) expect(normal(prepared.variableValues)).toEqual(expected);
      },
    ),
    { numRuns: runs(1000) },
  );
});

test('the prepared operation runs and its resolver gets the coerced value', async () => {
  const seen: unknown[] = [];
  const mutation = schema.getMutationType()?.getFields().commitTick;
  if (!mutation) throw new Error('no commitTick');
  const own = mutation.resolve;
  mutation.resolve = (_root, args) => {
    seen.push(args.input);
    return null;
  };
  const input = { sessionId: 's', tick: 1 };
  const prepared = fast.prepare({ schema, document, variableValues: { input } });
  if (!prepared) throw new Error('not prepared');
  await execute(prepared);
  if (own) mutation.resolve = own;
  expect(seen).toEqual([
    { sessionId: 's', tick: 1, onConflict: 'REJECT_ACTION', once: false, actions: [], effects: [] },
  ]);
});

test('queries, missing variables and other schemas are left alone', () => {
  const where = { flag: { eq: true } };
  const query = parse('query ($where: ThingWhere) { thingList(where: $where) { position } }');
  expect(fast.prepare({ schema, document: query, variableValues: { where } })).toBe(null);
  expect(fast.prepare({ schema, document, variableValues: {} })).toBe(null);
  expect(fast.prepare({ schema, document })).toBe(null);
  const other = buildSchema(new Catalog(allKinds));
  const input = { sessionId: 's', tick: 1 };
  expect(fast.prepare({ schema: other, document, variableValues: { input } })).toBe(null);
});

test('of several operations the one that is named is prepared', () => {
  const two = parse(`
    mutation A($input: OpenSessionInput!) { openSession(input: $input) { open } }
    mutation B($input: CommitTickInput!) { commitTick(input: $input) { tick } }
  `);
  const input = { sessionId: 's', tick: 1 };
  const variableValues = { input };
  expect(fast.prepare({ schema, document: two, operationName: 'A', variableValues })).toBe(null);
  expect(fast.prepare({ schema, document: two, operationName: 'B', variableValues })).not.toBe(
    null,
  );
  expect(fast.prepare({ schema, document: two, variableValues })).toBe(null);
});
