import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';
import { unlimitedAshfall } from './unlimited-ashfall.ts';

const { validated } = vi.hoisted(() => ({ validated: { documents: 0 } }));

vi.mock('graphql', async (original) => {
  const graphql = await original<typeof import('graphql')>();
  const validate: typeof graphql.validate = (...args) => {
    validated.documents++;
    return graphql.validate(...args);
  };
  return { ...graphql, validate };
});

const list = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ');

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, unlimitedAshfall);
});
afterAll(() => sandbox.stop());

/** The code that a document is answered with, the same over HTTP and a WebSocket. */
async function codesOf(query: string): Promise<string> {
  const overHttp = codeOf(await sandbox.ask('player', query));
  const socket = await FrameSocket.connect(sandbox.url, await sandbox.authorization('player'));
  socket.subscribe('1', query);
  const { type, payload } = await socket.receive(({ id }) => id === '1');
  socket.close();
  await socket.closed;
  const errors = type === 'error' ? payload : payload.errors;
  expect(errors?.[0]?.extensions.code ?? 'OK').toBe(overHttp);
  return overHttp;
}

describe('a document that would be costly to validate is refused before that', () => {
  test.each<[string, string]>([
    ['40,000 unknown fields', `{ ${list(40_000, (i) => `u${i}`)} }`],
    ['20,000 directives', `{ __typename ${list(20_000, (i) => `@d${i}`)} }`],
    ['2,000 times the same field', `{ ${'__typename '.repeat(2_000)} }`],
    [
      'fields of one name with long arguments',
      `{ ${list(64, () => `export(id: "${'x'.repeat(1_000)}") { id }`)} }`,
    ],
    [
      'fragments that all select the same',
      `{ __typename } ${list(99, (i) => `fragment f${i} on Query { ${list(99, (j) => `...f${j}`)} __typename }`)}`,
    ],
    ['thousands of operations', list(5_000, (i) => `query q${i} { __typename }`)],
    ['thousands of definitions of types', list(5_000, (i) => `scalar S${i}`)],
  ])('such as one with %s', async (_name, query) => {
    validated.documents = 0;
    expect(await codesOf(query)).toBe('LIMIT_EXCEEDED');
    expect(validated.documents).toBe(0);
    expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
  });

  test.each<[keyof typeof servingLimits, number, (count: number) => string]>([
    [
      'graphqlDefinitionsMax',
      servingLimits.graphqlDefinitionsMax,
      (count) =>
        `{ ${list(count - 1, (i) => `...f${i}`)} } ${list(count - 1, (i) => `fragment f${i} on Query { a${i}: __typename }`)}`,
    ],
    [
      'graphqlDirectivesMax',
      servingLimits.graphqlDirectivesMax,
      (count) => `{ ${list(count, (i) => `a${i}: __typename @include(if: true)`)} }`,
    ],
    [
      'graphqlAliasesMax',
      servingLimits.graphqlAliasesMax,
      (count) => `{ ${list(count, (i) => `a${i}: __typename a${i}: __typename`)} }`,
    ],
    [
      'graphqlComparedCharsMax',
      Math.floor(Math.sqrt(servingLimits.graphqlComparedCharsMax / 16)),
      (count) => `{ ${'__typename '.repeat(count)} }`,
    ],
  ])('past %s, and runs at it', async (limit, most, queryOf) => {
    expect(codeOf(await sandbox.ask('player', queryOf(most)))).toBe('OK');
    const answer = await sandbox.ask('player', queryOf(most + 1));
    expect(codeOf(answer)).toBe('LIMIT_EXCEEDED');
    expect(answer.errors?.[0]?.extensions.details).toMatchObject({ limit });
  });
});

describe('variables', () => {
  test('of a query hold so many values, and not one more (graphqlVariableValuesMax)', async () => {
    const query =
      'query ($where: UnitStateWhere) { unitStateList(where: $where) { nodes { unitId } } }';
    // Around the values: variables, where, column and list.
    const of = (values: number) => ({ where: { ownerId: { in: Array(values - 3).fill(1) } } });
    const most = servingLimits.graphqlVariableValuesMax;
    const limitOf = async (values: number) => {
      const answer = await sandbox.ask('game-server', query, of(values));
      expect(codeOf(answer)).toBe('LIMIT_EXCEEDED');
      return answer.errors?.[0]?.extensions.details.limit;
    };
    expect(await limitOf(most)).toBe('filterTermsMax');
    expect(await limitOf(most + 1)).toBe('graphqlVariableValuesMax');
  });
});

describe('validation', () => {
  test('stops after a bounded number of errors (graphqlValidationErrorsMax)', async () => {
    const most = servingLimits.graphqlValidationErrorsMax;
    const wrong = (count: number) => `{ ${list(count, (i) => `u${i}`)} }`;
    expect((await sandbox.ask('player', wrong(most))).errors).toHaveLength(most);
    // The last one says that there are more.
    validated.documents = 0;
    const answer = await sandbox.ask('player', wrong(servingLimits.graphqlFieldsMax));
    // Once on the whole schema, and once on the part of it that the role may be told of.
    expect(validated.documents).toBe(2);
    expect(answer.errors).toHaveLength(most + 1);
    await sandbox.ask('player', wrong(servingLimits.graphqlFieldsMax));
    expect(validated.documents).toBe(2);
    expect(codeOf(answer)).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test.each([
    ['itself', '{ ...a } fragment a on Query { ...a }'],
    ['each other', '{ ...a } fragment a on Query { ...b } fragment b on Query { ...a __typename }'],
    [
      'each other below a field',
      '{ ...a } fragment a on Query { matchPulse { rows { ...r } } } fragment r on MatchPulse { ...s } fragment s on MatchPulse { sessionId ...r }',
    ],
    [
      'each other, used by nobody',
      '{ __typename } fragment a on Query { ...b } fragment b on Query { ...a }',
    ],
  ])('refuses fragments within %s, and nothing fails inside', async (_name, query) => {
    expect(await codesOf(query)).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});
