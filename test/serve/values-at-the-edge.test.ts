import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, codeOf, commitTick, Sandbox } from './sandbox.ts';
import { readEvents } from './server-sent.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('match');
  await sandbox.openSession('other');
});
afterAll(() => sandbox.stop());

function commit(input: Record<string, unknown>): Promise<Answer> {
  return sandbox.ask('game-server', commitTick, { input });
}

describe('amounts whose sum is past the range of a double', () => {
  const largest = Number.MAX_VALUE;
  const balances = '{ resourceBalance { rows { sessionId playerId balance } } }';
  const expected = [
    { sessionId: 'match', playerId: 1, balance: largest },
    { sessionId: 'match', playerId: 2, balance: -largest },
    { sessionId: 'other', playerId: 1, balance: 2.5 },
  ];

  beforeAll(async () => {
    const append = (playerId: number, amount: number) => ({
      resourceLedger: { append: { playerId, resource: 'MASS', amount } },
    });
    const effects = [
      ...[append(1, 1.5e308), append(1, 1.5e308)],
      ...[append(2, -1.5e308), append(2, -1.5e308)],
    ];
    expect(codeOf(await commit({ sessionId: 'match', tick: 1, effects }))).toBe('OK');
    expect(codeOf(await commit({ sessionId: 'other', tick: 1, effects: [append(1, 2.5)] }))).toBe(
      'OK',
    );
  });

  test('are the largest double in a view, before and after a restart, and other rows stay', async () => {
    expect((await sandbox.ask('liveops', balances)).data?.resourceBalance).toEqual({
      rows: expected,
    });
    await sandbox.restart();
    expect((await sandbox.ask('liveops', balances)).data?.resourceBalance).toEqual({
      rows: expected,
    });
  });

  test('are so in frames', async () => {
    const query =
      'subscription { resourceBalanceChanges { kind rows { sessionId playerId balance } } }';
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('liveops')),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query }),
    });
    for await (const event of readEvents(response)) {
      expect(event).toMatchObject({
        data: { resourceBalanceChanges: { kind: 'SNAPSHOT', rows: expected } },
      });
      break;
    }
  });

  test('are so in groups, where means stay in range', async () => {
    const position = await sandbox.position();
    const query = `query ($min: Position) {
      resourceLedgerGroups(by: [playerId], where: { sessionId: { eq: "match" } }, minPosition: $min) {
        nodes { key { playerId } sum { amount } avg { amount } quantile(q: 0.5) { amount } }
      }
    }`;
    const answer = await sandbox.ask('liveops', query, { min: position });
    expect(answer.data?.resourceLedgerGroups).toEqual({
      nodes: [
        {
          key: { playerId: 1 },
          sum: { amount: largest },
          avg: { amount: 1.5e308 },
          quantile: { amount: 1.5e308 },
        },
        {
          key: { playerId: 2 },
          sum: { amount: -largest },
          avg: { amount: -1.5e308 },
          quantile: { amount: -1.5e308 },
        },
      ],
    });
  });

  test('are texts in answers of SQL, and infinite in its Arrow exports', async () => {
    const query =
      "SELECT playerId, sum(amount) AS s FROM resourceLedger WHERE sessionId = 'match' GROUP BY playerId ORDER BY playerId";
    const answer = await sandbox.ask('analyst', 'query ($q: String!) { sql(query: $q) { rows } }', {
      q: query,
    });
    expect(answer.data?.sql).toEqual({
      rows: [
        [1, 'inf'],
        [2, '-inf'],
      ],
    });
    const created = await sandbox.ask(
      'analyst',
      'mutation ($input: CreateExportInput!) { createExport(input: $input) { url } }',
      { input: { sql: query } },
    );
    const url = (created.data?.createExport as { url?: string } | undefined)?.url ?? '';
    const table = tableFromIPC(await (await fetch(url)).bytes());
    expect([...(table.getChild('s') ?? [])]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
  });
});

describe('numbers in JSON columns', () => {
  const document = JSON.stringify(commitTick);
  let tick = 100;

  /** As a client sends it that writes JSON by hand, so that no number is read before the server does. */
  const withPayload = async (payload: string) =>
    sandbox.post(
      `{"query":${document},"variables":{"input":{"sessionId":"match","tick":${++tick},"actions":[{"actionId":"a","playerId":1,"kind":"MOVE","payload":${payload}}]}}}`,
      { ...(await sandbox.authorization('game-server')), 'content-type': 'application/json' },
    );
  const inText = async (payload: string) =>
    sandbox.ask(
      'game-server',
      `mutation { commitTick(input: { sessionId: "match", tick: ${++tick}, actions: [{ actionId: "a", playerId: 1, kind: MOVE, payload: ${payload} }] }) { position } }`,
    );

  test.each(['1e400', '[-1e309]', '9007199254740993', '{ "deep": [0, 18446744073709551615] }'])(
    'that would change are refused, and nothing is written: %s',
    async (payload) => {
      for (const send of [withPayload, (text: string) => inText(text.replaceAll('"', ''))]) {
        const before = await sandbox.position();
        const answer = await send(payload);
        expect(codeOf(answer)).toBe('BAD_USER_INPUT');
        expect(answer.errors?.[0]?.message).toContain('actions[0].payload');
        expect(answer.errors?.[0]?.message).toContain('as strings');
        expect(await sandbox.position()).toBe(before);
      }
    },
  );

  test('are kept where a double holds them', async () => {
    const payload = '{"a":[9007199254740991,-0.1,1.5],"b":"9007199254740993"}';
    for (const send of [withPayload, (text: string) => inText(text.replace(/"(a|b)":/g, '$1:'))]) {
      expect(codeOf(await send(payload))).toBe('OK');
      const list = await sandbox.ask(
        'game-server',
        'query ($tick: Int, $min: Position) { actionLogList(where: { tick: { eq: $tick } }, minPosition: $min) { nodes { payload } } }',
        { tick, min: await sandbox.position() },
      );
      expect(list.data?.actionLogList).toEqual({ nodes: [{ payload: JSON.parse(payload) }] });
    }
  });

  test('given to SQL are refused likewise', async () => {
    const query = JSON.stringify(
      'query ($p: JSON) { sql(query: "SELECT {x:UInt64}", parameters: $p) { rows } }',
    );
    const headers = {
      ...(await sandbox.authorization('analyst')),
      'content-type': 'application/json',
    };
    const ask = (x: string) =>
      sandbox.post(`{"query":${query},"variables":{"p":{"x":${x}}}}`, headers);
    expect(codeOf(await ask('9007199254740993'))).toBe('BAD_USER_INPUT');
    expect((await ask('"9007199254740993"')).data?.sql).toEqual({ rows: [['9007199254740993']] });
  });
});

describe('days that there are not', () => {
  test.each([
    '2026-02-30',
    '2026-02-29T12:00:00Z',
    '2025-04-31T00:00:00.000+02:00',
    '2026-01-31T24:00:00Z',
    '2026-13-01',
    '2026-00-10',
  ])('are refused in conditions, whichever way they come: %s', async (moment) => {
    const list =
      'query ($at: DateTime) { actionLogList(where: { committedAt: { lt: $at } }) { pageInfo { hasNextPage } } }';
    expect(codeOf(await sandbox.ask('game-server', list, { at: moment }))).not.toBe('OK');
    expect(
      codeOf(
        await sandbox.ask(
          'game-server',
          list.replace('$at }', `"${moment}" }`).replace('($at: DateTime)', ''),
        ),
      ),
    ).not.toBe('OK');
    const order = 'mutation ($input: CreateExportInput!) { createExport(input: $input) { id } }';
    const input = {
      table: 'actionLog',
      where: { committedAt: { between: [moment, '2030-01-01'] } },
    };
    expect(codeOf(await sandbox.ask('analyst', order, { input }))).toBe('BAD_USER_INPUT');
    const sql =
      'query ($p: JSON) { sql(query: "SELECT {at:DateTime64}", parameters: $p) { rows } }';
    expect(codeOf(await sandbox.ask('analyst', sql, { p: { at: moment } }))).toBe('BAD_USER_INPUT');
  });

  test('are told from those there are', async () => {
    const list =
      'query ($at: DateTime) { actionLogList(where: { committedAt: { lt: $at } }) { pageInfo { hasNextPage } } }';
    for (const at of ['2024-02-29', '2026-12-31T23:59:59.999Z', '2000-02-29T00:00:00+14:00']) {
      expect(codeOf(await sandbox.ask('game-server', list, { at }))).toBe('OK');
    }
  });
});
