import { GraphQLError, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { errorExtensions, toClientError } from '../../resolvers/errors.ts';
import { openTitleApi } from './title-api.ts';

function scope() {
  const logged: unknown[] = [];
  return { logged, requestId: 'r9', logInternal: (error: unknown) => logged.push(error) };
}

test('an engine error keeps its code, category, details and hint', () => {
  const error = new EngineError('OVERLOADED', 'too much', {
    retryAfterMs: 250,
    details: { queue: 3 },
    cause: new Error('secret'),
  });
  expect(errorExtensions(error, 'r9')).toEqual({
    code: 'OVERLOADED',
    category: 'overload',
    retryable: true,
    retryAfterMs: 250,
    details: { queue: 3 },
    requestId: 'r9',
  });
});

test('an unknown error is logged and answered without its message', () => {
  for (const original of [
    new TypeError('password=hunter2'),
    'a string thrown',
    new GraphQLError('located', { path: ['a'], originalError: new Error('hunter2') }),
  ]) {
    const log = scope();
    const shown = toClientError(original, 'execute', log);
    expect(shown.extensions).toMatchObject({
      code: 'INTERNAL',
      category: 'internal',
      requestId: 'r9',
      details: {},
    });
    expect(JSON.stringify(shown)).not.toMatch(/hunter2|located|string thrown/);
    expect(log.logged).toEqual([original]);
  }
});

test('what a parser or a validator failed at is no fault of the document', () => {
  const originalError = new RangeError('Maximum call stack size exceeded');
  for (const phase of ['request', 'parse', 'validate'] as const) {
    const log = scope();
    const shown = toClientError(new GraphQLError('stack', { originalError }), phase, log);
    expect(shown.extensions.code).toBe('INTERNAL');
    expect(log.logged).toHaveLength(1);
  }
});

test('an engine error thrown in a resolver keeps path and place', async () => {
  const api = await openTitleApi();
  const { result } = await api.as(null).run('{ one: session(sessionId: "m1") { open } }');
  const shown = toClientError(result.errors?.[0], 'execute', scope());
  expect(shown.toJSON()).toMatchObject({
    path: ['one'],
    locations: [{ line: 1, column: 3 }],
    extensions: { code: 'FORBIDDEN' },
  });
});

test('syntax and validation have codes of their own', async () => {
  const api = await openTitleApi();
  const log = scope();
  const parsed = attempt(() => parse('{ session('));
  expect(toClientError(parsed, 'parse', log).extensions.code).toBe('GRAPHQL_PARSE_FAILED');
  const [invalid] = validate(api.schema, parse('{ session { speed } }'));
  expect(toClientError(invalid, 'validate', log).extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  const asked = toClientError(new GraphQLError('no query given'), 'request', log);
  expect(asked.extensions).toMatchObject({ code: 'BAD_USER_INPUT', category: 'invalid' });
  expect(log.logged).toEqual([]);
});

test('variables that do not fit are bad input, with the place where it is known', async () => {
  const api = await openTitleApi();
  const caller = api.as('game-server');
  const key = 'query ($key: UnitStateKey!) { unitState(key: $key) { version } }';
  expect(await caller.refusal(key, { key: { sessionId: 'm1', unitId: 'x' } })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'key.unitId' },
  });
  expect(await caller.refusal(key, {})).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'key' },
  });
  const min = 'query ($p: Position) { actionLogList(minPosition: $p) { coveredPosition } }';
  expect(await caller.refusal(min, { p: 'yesterday' })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'p' },
  });
  expect(api.logged).toEqual([]);
});

test('an argument that does not fit once its variables are in is bad input', async () => {
  const api = await openTitleApi();
  const list = `query ($direction: OrderDirection = ASC) {
    unitStateList(orderBy: [{ column: health, direction: $direction }]) { position }
  }`;
  const refused = await api.as('game-server').refusal(list, { direction: null });
  expect(refused.code).toBe('BAD_USER_INPUT');
  expect(api.logged).toEqual([]);
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
