import { Field, List, Table, Uint32, Utf8, vectorFromArray } from 'apache-arrow';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { arrowStream } from '../intake/arrow-body.ts';
import { FrameSocket } from './frame-socket.ts';
import { type Answer, answerOf, codeOf, commitTick, Sandbox } from './sandbox.ts';

const { jsonDepthMax } = limits;
const { graphqlNestingMax } = servingLimits;
/** Each more than recursion bears somewhere, and the first past the bound. */
const depths = [jsonDepthMax + 1, 3_000, 6_000, 100_000];

let sandbox: Sandbox;
let positionBefore: string;

beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

beforeEach(async () => {
  positionBefore = await sandbox.position();
});

afterEach(async () => {
  expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
});

const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const objects = (name: string, depth: number, inner: string) =>
  `{${JSON.stringify(name)}:`.repeat(depth) + inner + '}'.repeat(depth);

/** The text of a tick: `JSON.stringify` takes no depth. */
function tickText(tick: number, payload: string, require = '{}'): string {
  const effect = `{"unitState":{"upsert":{"key":{"unitId":1},"set":{"ownerId":1},"require":${require}}}}`;
  const action = `{"actionId":"a${tick}","playerId":1,"kind":"MOVE","payload":${payload},"effects":[${effect}]}`;
  return `{"sessionId":"match","tick":${tick},"actions":[${action}]}`;
}

async function post(query: string, variables: string): Promise<Answer> {
  return sandbox.post(`{"query":${JSON.stringify(query)},"variables":${variables}}`, {
    ...(await sandbox.authorization('game-server')),
    'content-type': 'application/json',
  });
}

async function postArrow(tick: number, payload: string): Promise<Answer> {
  const actions = new Table({
    actionId: vectorFromArray([`a${tick}`], new Utf8()),
    playerId: vectorFromArray([1], new Uint32()),
    kind: vectorFromArray(['MOVE'], new Utf8()),
    unitIds: vectorFromArray([[1]], new List(new Field('item', new Uint32(), false))),
    payload: vectorFromArray([payload], new Utf8()),
  });
  const response = await fetch(`${sandbox.url}/ashfall/sessions/match/ticks/${tick}`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      'content-type': 'application/vnd.apache.arrow.stream',
    },
    body: arrowStream('actionLog', 'actions', actions) as BodyInit,
  });
  return answerOf(response);
}

function literal(payload: string): string {
  return `mutation { commitTick(input: { sessionId: "match", tick: 9, actions: [{
    actionId: "a", playerId: 1, kind: MOVE, payload: ${payload}
  }] }) { position } }`;
}

async function expectLimit(answer: Answer, limit: RegExp): Promise<void> {
  expect(codeOf(answer)).toBe('LIMIT_EXCEEDED');
  expect(answer.errors?.[0]?.extensions.details.limit).toMatch(limit);
  expect(JSON.stringify(answer)).not.toMatch(/call stack/);
  expect(await sandbox.position()).toBe(positionBefore);
}

describe('a JSON value at the bound of its depth', () => {
  test.each([
    ['lists', lists(jsonDepthMax)],
    ['objects', objects('a', jsonDepthMax, '"}]{["')],
  ])('of %s is taken on every way in, and read back', async (kind, payload) => {
    const first = kind === 'lists' ? 10 : 20;
    expect(codeOf(await post(commitTick, `{"input":${tickText(first, payload)}}`))).toBe('OK');
    const unknown = commitTick.replace('Commit(', `At${first}(`);
    const rows = await post(unknown, `{"input":${tickText(first + 1, payload)}}`);
    expect(codeOf(rows)).toBe('OK');
    expect(codeOf(await postArrow(first + 2, payload))).toBe('OK');
    const inline = payload.replaceAll('"a"', 'a');
    const document = literal(inline).replace('tick: 9', `tick: ${first + 3}`);
    expect(codeOf(await post(document, '{}'))).toBe('OK');
    const read = `{ actionLogList(
      where: { sessionId: { eq: "match" }, tick: { gte: ${first} } }
      minPosition: "${await sandbox.position()}"
    ) { nodes { payload } } }`;
    const nodes = Array(4).fill({ payload: JSON.parse(payload) });
    expect(await sandbox.ask('analyst', read)).toMatchObject({
      data: { actionLogList: { nodes } },
    });
  });
});

describe('a JSON value past the bound of its depth answers LIMIT_EXCEEDED', () => {
  test.each(depths)('by Arrow, of %d levels', async (depth) => {
    const answer = await postArrow(100, lists(depth));
    await expectLimit(answer, /^jsonDepthMax$/);
    expect(answer.errors?.[0]?.extensions.details).toMatchObject({
      path: expect.stringContaining('payload'),
      max: jsonDepthMax,
    });
  });

  test.each(depths)('in variables, of %d levels, of a document known or not', async (depth) => {
    for (const document of [commitTick, commitTick.replace('Commit(', 'Unknown(')]) {
      for (const payload of [lists(depth), objects('a', depth, '1')]) {
        const answer = await post(document, `{"input":${tickText(100, payload)}}`);
        await expectLimit(answer, /^(jsonDepthMax|graphqlNestingMax)$/);
      }
    }
  });

  test.each(depths)('as a literal, of %d levels', async (depth) => {
    for (const payload of [lists(depth), objects('a', depth, '1').replaceAll('"a"', 'a')]) {
      await expectLimit(await post(literal(payload), '{}'), /^(jsonDepthMax|graphqlNestingMax)$/);
    }
  });

  test('with the place of the value', async () => {
    const answer = await post(
      commitTick,
      `{"input":${tickText(100, objects('a', jsonDepthMax + 1, '1'))}}`,
    );
    expect(answer.errors?.[0]?.extensions.details).toEqual({
      path: 'actions[0].payload',
      limit: 'jsonDepthMax',
      max: jsonDepthMax,
    });
  });
});

describe('a condition that nests too deep answers LIMIT_EXCEEDED', () => {
  test.each([17, 100, 6_000, 20_000])('as `require`, of %d levels', async (depth) => {
    const require = objects('not', depth, '{"unitId":{"eq":1}}');
    const answer = await post(commitTick, `{"input":${tickText(100, '1', require)}}`);
    await expectLimit(answer, depth <= 100 ? /^filterDepthMax$/ : /^graphqlNestingMax$/);
  });

  test.each([17, 100, 6_000, 20_000])('as `where` of a query, of %d levels', async (depth) => {
    const query =
      'query ($where: UnitStateWhere) { unitStateList(where: $where) { nodes { unitId } } }';
    const where = objects('not', depth, '{"unitId":{"eq":1}}');
    const answer = await post(query, `{"where":${where}}`);
    await expectLimit(answer, depth <= 100 ? /^filterDepthMax$/ : /^graphqlNestingMax$/);
  });

  test('on a WebSocket, which stays open', async () => {
    const socket = await FrameSocket.connect(
      sandbox.url,
      await sandbox.authorization('game-server'),
    );
    let where: unknown = { unitId: { eq: 1 } };
    for (let depth = 0; depth < 3_000; depth++) where = { not: where };
    const query =
      'subscription ($where: UnitStateWhere) { unitStateChanges(where: $where) { kind } }';
    socket.subscribe('1', query, { where });
    const { payload } = await socket.receive(({ id }) => id === '1');
    expect(payload[0].extensions).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    socket.subscribe('2', '{ __typename }');
    expect((await socket.receive(({ id }) => id === '2')).payload.data).toBeDefined();
    socket.close();
  });
});

describe('a document that nests too deep answers LIMIT_EXCEEDED', () => {
  test.each([
    ['selections', '{ a '.repeat(3_000)],
    ['lists of types', `query ($a: ${'['.repeat(3_000)}Int) { a }`],
    ['arguments behind a text that is closed', `{ a(b: "\\"", c: ${'['.repeat(3_000)}`],
    ['arguments behind a block', `{ a(b: """ " \\""" """, c: ${'{ d: '.repeat(3_000)}`],
    ['arguments behind a comment', `{ # "\n a(b: ${'['.repeat(3_000)}`],
  ])('such as %s', async (_name, document) => {
    await expectLimit(await post(document, '{}'), /^graphqlNestingMax$/);
  });

  test('unless its brackets stand in strings and comments', async () => {
    const brackets = '{[('.repeat(graphqlNestingMax);
    const document = `# ${brackets}\n{ a: __type(name: "${brackets}") { name } b: __type(name: """\n"${brackets}\\"""${brackets}""") { name } }`;
    expect(await post(document, '{}')).toMatchObject({ data: { a: null, b: null } });
  });
});
