import fc from 'fast-check';
import {
  type ExecutionResult,
  execute,
  GraphQLError,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql';
import { expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Frame } from '../../engine/views/view-engine.ts';
import { printLongFrame } from '../../src/api/graphql/long-frame.ts';
import { runs } from '../budget.ts';

const count = {
  type: GraphQLInt,
  resolve: ({ count }: { readonly count: number }) => {
    if (count < 0) throw new GraphQLError('less than none');
    return count;
  },
};
const row = new GraphQLObjectType({
  name: 'Row',
  fields: {
    name: { type: GraphQLString },
    count,
    sure: { ...count, type: new GraphQLNonNull(GraphQLInt) },
  },
});
const rows = { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(row))) };
const frame = new GraphQLObjectType({
  name: 'Frame',
  fields: { cursor: { type: GraphQLString }, rows, removed: rows },
});
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { changes: { type: frame, resolve: (it) => it } },
  }),
});

const selections = [
  '{ changes { cursor rows { name count } removed { name } } }',
  '{ of: changes { a: rows { name } cursor removed { __typename } b: rows { count } at: cursor } }',
  '{ changes { __typename cursor } }',
  '{ changes { removed { count } rows { sure } } }',
].map((text) => parse(text));

const message = (result: ExecutionResult): ExecutionResult => ({
  ...result,
  extensions: { told: true },
});

const someRows = (max: number) =>
  fc.array(fc.record({ name: fc.string(), count: fc.integer({ min: -1, max: 2 ** 31 - 1 }) }), {
    maxLength: max,
    size: 'max',
  });

test('a frame that is answered in parts has the answer it has in one go, errors and all', () => {
  fc.assert(
    fc.property(
      someRows(900),
      someRows(400),
      fc.nat(selections.length - 1),
      (rows, removed, selection) => {
        fc.pre(rows.length + removed.length > 0);
        const whole: Frame = {
          kind: 'DELTA',
          cursor: 'at "it"',
          lsn: asLsn(1),
          tick: null,
          rows,
          removed,
        };
        const run = (part: Frame) =>
          execute({
            schema,
            document: selections[selection] as (typeof selections)[number],
            rootValue: part,
          }) as ExecutionResult;
        const { pieces, isShared } = finish(printLongFrame(whole, { execute: run, message }));
        const text = Buffer.concat(pieces).toString();
        const expected = message(run(whole));
        const answer = JSON.parse(text);
        if (expected.data?.changes === null) {
          // One error that took the whole frame is enough.
          expect(answer.data).toEqual({ changes: null });
          expect(expected.errors?.map((error) => error.toJSON())).toEqual(
            expect.arrayContaining(answer.errors),
          );
          return;
        }
        expect(answer).toEqual(JSON.parse(JSON.stringify(expected)));
        expect(isShared).toBe(expected.errors === undefined);
        if (expected.errors === undefined) expect(text).toBe(JSON.stringify(expected));
      },
    ),
    { numRuns: runs(60) },
  );
});
