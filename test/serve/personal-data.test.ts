import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { personalTitle } from '../vault/personal-title.ts';
import { filesHolding } from './files-holding.ts';
import { FrameSocket } from './frame-socket.ts';
import { type Answer, answerOf, codeOf, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let position = '';

beforeAll(async () => {
  sandbox = await Sandbox.start({}, personalTitle);
  const open = 'mutation { openSession(input: { sessionId: "match" }) { fence } }';
  expect(codeOf(await ask('simulator', open))).toBe('OK');
  await commit('simulator', 1, ['planted-ann', 'planted-bob']);
  await commitColumns(2, 'planted-ann');
});
afterAll(() => sandbox.stop());

const token = /^~[\w-]{22}$/;

function emailOf(account: string): string {
  return `${account}@planted.example`;
}

async function ask(
  role: string,
  query: string,
  variables: Record<string, unknown> = {},
  claims: Record<string, string> = {},
): Promise<Answer> {
  const bearer = await sandbox.token(role, { title: 'personal', ...claims });
  const response = await fetch(`${sandbox.url}/personal/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return answerOf(response);
}

/** What a field answers, without errors. */
// biome-ignore lint/suspicious/noExplicitAny: answers are as varied as the questions
async function told(...question: Parameters<typeof ask>): Promise<any> {
  const answer = await ask(...question);
  expect(answer.errors).toBeUndefined();
  return Object.values(answer.data ?? {})[0];
}

const commitTick =
  'mutation ($input: CommitTickInput!) { commitTick(input: $input) { position rejected results(only: REJECTED) { conflict { code key } } } }';

async function commit(role: string, tick: number, accounts: readonly string[]) {
  const actions = accounts.map((account, i) => ({
    actionId: `${tick}-${i}`,
    account,
    plan: 'a control',
    effects: [
      {
        players: {
          upsert: {
            key: { account },
            set: { email: emailOf(account), city: 'planted-city', rating: 7 },
          },
        },
      },
      { units: { upsert: { key: { unitId: 10 * tick + i }, set: { owner: account } } } },
      { chat: { append: { playerId: i, words: `planted-words of ${account}` } } },
    ],
  }));
  const committed = await told(role, commitTick, { input: { sessionId: 'match', tick, actions } });
  position = committed.position;
  return committed;
}

/** By the commit endpoint, in columns. */
async function commitColumns(tick: number, account: string): Promise<void> {
  const bearer = await sandbox.token('simulator', { title: 'personal' });
  const response = await fetch(`${sandbox.url}/personal/sessions/match/ticks/${tick}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      actions: { actionId: [`c${tick}`], account: [account] },
      effects: [
        {
          table: 'players',
          op: 'upsert',
          action: [0],
          account: [account],
          rating: [8],
          'require.email.eq': [emailOf(account)],
        },
      ],
    }),
  });
  const answer = (await response.json()) as { position: string };
  expect([response.status, answer]).toMatchObject([200, { accepted: 1, rejected: 0 }]);
  position = answer.position;
}

const players = '{ playersList { nodes { account email city rating } } }';

describe('a role that may see values of persons', () => {
  test('sees them in lists, by key, in groups and in views', async () => {
    const { nodes } = await told('support', players);
    expect(nodes).toContainEqual({
      account: 'planted-ann',
      email: emailOf('planted-ann'),
      city: 'planted-city',
      rating: 8,
    });
    const byKey = '{ players(key: { account: "planted-bob" }) { email } }';
    expect(await told('support', byKey)).toEqual({ email: emailOf('planted-bob') });
    const groups = `{ ordersGroups(by: [account], minPosition: "${position}") { nodes { key { account } count } } }`;
    expect((await told('support', groups)).nodes).toContainEqual({
      key: { account: 'planted-ann' },
      count: 2,
    });
    const { rows } = await told('support', '{ orderers { rows { account orders } } }');
    expect(rows).toContainEqual({ account: 'planted-ann', orders: 2 });
  });

  test.each([
    ['email: { eq: "planted-ann@planted.example" }', ['planted-ann']],
    ['email: { ne: "planted-ann@planted.example" }', ['planted-bob']],
    ['email: { ne: "nobody" }', ['planted-ann', 'planted-bob']],
    ['email: { eq: "nobody" }', []],
    ['city: { eq: "planted-city" }', ['planted-ann', 'planted-bob']],
    ['city: { ne: "planted-city" }', []],
    ['account: { in: ["planted-bob", "nobody"] }', ['planted-bob']],
    ['not: { city: { eq: "planted-city" } }', []],
    ['email: { isNull: false }', ['planted-ann', 'planted-bob']],
  ])('asks for values by equality: %s', async (where, accounts) => {
    const list = `{ playersList(where: { ${where} }) { nodes { account } } }`;
    const { nodes } = await told('support', list);
    expect(nodes.map(({ account }: { account: string }) => account).sort()).toEqual(accounts);
  });

  test('asks for them in rows of the column store, and in views', async () => {
    const list = `{ ordersList(where: { account: { eq: "planted-bob" } }, minPosition: "${position}") { nodes { account tick } } }`;
    expect((await told('support', list)).nodes).toEqual([{ account: 'planted-bob', tick: 1 }]);
    const view = '{ orderers(where: { account: { eq: "planted-bob" } }) { rows { account } } }';
    expect((await told('support', view)).rows).toEqual([{ account: 'planted-bob' }]);
  });

  test('sees them in answers of SQL, and gives them as parameters', async () => {
    const sql = 'query ($q: String!, $p: JSON) { sql(query: $q, parameters: $p) { rows } }';
    const { rows } = await told('support', sql, {
      q: 'SELECT email, length(email) FROM players WHERE email IN {emails:Array(String)}',
      p: { emails: { personal: emailOf('planted-ann') } },
    });
    expect(rows).toEqual([[emailOf('planted-ann'), '23']]);
  });

  test.each([
    ['orderBy: [{ column: email }]', 'BAD_USER_INPUT'],
    ['where: { email: { like: "%" } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['where: { email: { gt: "a" } }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('is refused an order of what has none: %s', async (argument, code) => {
    expect(codeOf(await ask('support', `{ playersList(${argument}) { nodes { rating } } }`))).toBe(
      code,
    );
  });
});

describe('a role that may not', () => {
  test('sees pseudonyms: the same for equal values of a person, and another for everybody', async () => {
    const { nodes } = await told('analyst', players);
    expect(nodes).toHaveLength(2);
    for (const row of nodes) {
      for (const name of ['account', 'email', 'city']) expect(row[name]).toMatch(token);
    }
    expect(nodes[0].city).not.toBe(nodes[1].city);
    const { rows } = await told('analyst', '{ orderers { rows { account } } }');
    const accounts = nodes.map(({ account }: { account: string }) => account);
    for (const { account } of rows) expect(accounts).toContain(account);
    const sql = '{ sql(query: "SELECT account FROM players") { rows } }';
    expect((await told('analyst', sql)).rows.flat().sort()).toEqual(accounts.sort());
  });

  test('finds nothing by a value, and a row by its pseudonym', async () => {
    const list = 'query ($w: PlayersWhere) { playersList(where: $w) { nodes { account } } }';
    const byValue = { w: { email: { eq: emailOf('planted-ann') } } };
    expect((await told('analyst', list, byValue)).nodes).toEqual([]);
    const [row] = (await told('analyst', players)).nodes;
    const byToken = { w: { email: { eq: row.email } } };
    expect((await told('analyst', list, byToken)).nodes).toEqual([{ account: row.account }]);
    const key = 'query ($k: PlayersKey!) { players(key: $k) { rating } }';
    expect(await told('analyst', key, { k: { account: 'planted-ann' } })).toBeNull();
    const parameters = { personal: emailOf('planted-ann') };
    const sql = 'query ($p: JSON) { sql(query: "SELECT 1", parameters: $p) { rows } }';
    expect(codeOf(await ask('analyst', sql, { p: { x: parameters } }))).toBe('FORBIDDEN');
  });

  test('writes values, and may not find them out by what its ticks require', async () => {
    const effect = (require: object) => ({
      players: {
        upsert: { key: { account: 'planted-carl' }, set: { rating: 1 }, require },
      },
    });
    const input = (require: object) => ({
      sessionId: 'match',
      tick: 3,
      effects: [effect(require)],
    });
    const guessed = { input: input({ email: { eq: 'a guess' } }) };
    expect(codeOf(await ask('importer', commitTick, guessed))).toBe('FORBIDDEN');
    expect(
      (await told('importer', commitTick, { input: input({ rating: { isNull: true } }) })).rejected,
    ).toBe(0);
  });

  test('may not erase', async () => {
    const erase = 'mutation { eraseSubject(subject: "planted-ann") { values } }';
    expect(codeOf(await ask('analyst', erase))).toBe('FORBIDDEN');
  });
});

test('a rule bound to a claim holds for the value that stands behind the token', async () => {
  const units = '{ unitsList(where: { sessionId: { eq: "match" } }) { nodes { unitId owner } } }';
  const { nodes } = await told('player', units, {}, { player_id: 'planted-bob' });
  expect(nodes).toEqual([{ unitId: 11, owner: 'planted-bob' }]);
  expect((await told('player', units, {}, { player_id: 'nobody' })).nodes).toEqual([]);
});

test('a conflict names its row to whoever wrote it', async () => {
  const account = 'planted-ann';
  const effects = [{ players: { insert: { account, rating: 1 } } }];
  const actions = [{ actionId: '4-0', account, effects }];
  const { results } = await told('simulator', commitTick, {
    input: { sessionId: 'match', tick: 4, actions },
  });
  expect(results).toEqual([{ conflict: { code: 'ROW_EXISTS', key: { account } } }]);
});

test('a retry by columns is the duplicate of its tick', async () => {
  const before = position;
  await commitColumns(2, 'planted-ann');
  expect(position).toBe(before);
});

test('metrics tell how many values there are, and what memory they take', async () => {
  const text = await sandbox.metrics();
  expect(text).toMatch(/^tickloom_personal_values\{title="personal"\} [1-9]\d*$/m);
  expect(text).toMatch(/^tickloom_personal_bytes\{title="personal"\} [1-9]\d*$/m);
});

describe('names in records', () => {
  const person = { subject: 'planted-person' };
  const auditOf =
    'query ($w: AuditWhere) { auditLog(where: $w, first: 100) { nodes { action subject address } } }';
  const byPerson = { w: { subject: { eq: 'planted-person' } } };

  test('are those of whoever did it, to roles that may read the audit log', async () => {
    const input = { sessionId: 'match', tick: 5, actions: [] };
    await told('simulator', commitTick, { input }, person);
    const erase = 'mutation { eraseSubject(subject: "somebody") { values } }';
    expect(codeOf(await ask('analyst', erase, {}, person))).toBe('FORBIDDEN');
    const { nodes } = await told('support', auditOf, byPerson);
    expect(nodes).toContainEqual(
      expect.objectContaining({ action: 'tick.commit', subject: 'planted-person' }),
    );
    expect(nodes).toContainEqual(
      expect.objectContaining({ action: 'access.denied', subject: 'planted-person' }),
    );
    for (const { address } of nodes) expect(address).toMatch(/127\.0\.0\.1$/);
    const { address } = nodes[0];
    const byAddress = { w: { address: { eq: address }, action: { eq: 'tick.commit' } } };
    expect((await told('support', auditOf, byAddress)).nodes.length).toBeGreaterThan(1);
  });

  test('stand in no file but that of the vault, and in none once the person is erased', async () => {
    const { directory } = sandbox;
    const only = ['titles/personal/vault/entries'];
    const addresses = ['"address":"127', '"address":"::'];
    expect(filesHolding(directory, ['planted-person', ...addresses])).toEqual(only);
    const erase = 'mutation { eraseSubject(subject: "planted-person") { values } }';
    // The name and one address.
    expect(await told('support', erase)).toEqual({ values: 2 });
    expect(filesHolding(directory, ['planted-person'])).toEqual([]);
    expect((await told('support', auditOf, byPerson)).nodes).toEqual([]);
    const commits = { w: { action: { eq: 'tick.commit' } } };
    const { nodes } = await told('support', auditOf, commits);
    const erased = nodes.filter(({ subject }: { subject: string }) => token.test(subject));
    expect(erased).toHaveLength(1);
    expect(erased[0].address).toMatch(token);
    // Both chains are what they were.
    const { audit, engine } = sandbox.titles.get('personal');
    const proof = await audit.verify(null, engine.appliedLsn);
    expect(proof).toMatchObject({ kind: 'whole', commits: { kind: 'whole' } });
  });
});

describe('values of persons', () => {
  test('stand in no file but that of the vault, and in none once they are erased', async () => {
    const { directory } = sandbox;
    const planted = ['planted'];
    const only = ['titles/personal/vault/entries'];
    // Everything there is has gone everywhere it goes: ClickHouse, the audit log, an export, checkpoints.
    const sql = `query ($q: String!) { sql(query: $q, minPosition: "${position}") { rows } }`;
    await told('support', sql, { q: "SELECT 'planted-text' /* planted */ FROM players" });
    const { url } = await told(
      'support',
      'mutation { createExport(input: { table: "players", format: PARQUET }) { url } }',
    );
    const exported = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(exported.length).toBeGreaterThan(100);
    expect(exported.includes('planted')).toBe(false);
    await told('support', '{ auditLog(first: 100) { nodes { action } } }');
    expect(filesHolding(directory, planted)).toEqual(only);
    // What is of nobody stands in log and columns, where the search finds it.
    const controls = filesHolding(directory, ['a control']);
    expect(controls.filter((path) => path.startsWith('titles/personal/log'))).not.toEqual([]);
    expect(controls.filter((path) => path.startsWith('columns/clickhouse'))).not.toEqual([]);

    const socket = await FrameSocket.connect(
      sandbox.url,
      { authorization: `Bearer ${await sandbox.token('support', { title: 'personal' })}` },
      {},
      'personal',
    );
    const ordersOf = 'subscription { orderersChanges { kind rows { account orders } } }';
    socket.subscribe('1', ordersOf);
    const first = await socket.receive((message) => message.id === '1');
    expect(JSON.stringify(first.payload)).toContain('planted-ann');

    const backup = mkdtempSync(join(tmpdir(), 'tickloom-vault-copy-'));
    onTestFinished(() => rmSync(backup, { recursive: true, force: true }));
    cpSync(join(directory, 'titles/personal/vault'), backup, { recursive: true });
    const erase = 'mutation ($s: String!) { eraseSubject(subject: $s) { values } }';
    // The account, its address and its city; what it said is of the number it had in the chat.
    expect(await told('support', erase, { s: 'planted-ann' })).toEqual({ values: 3 });
    expect(await told('support', erase, { s: '0' })).toEqual({ values: 1 });
    expect(filesHolding(directory, ['planted-ann'])).toEqual([]);
    expect(filesHolding(directory, planted)).toEqual(only);
    const { nodes } = await told('support', players);
    expect(JSON.stringify(nodes)).not.toContain('planted-ann');
    expect(nodes).toHaveLength(3);
    expect(nodes.filter(({ account }: { account: string }) => token.test(account))).toHaveLength(1);

    socket.subscribe('2', ordersOf);
    const second = await socket.receive((message) => message.id === '2');
    expect(JSON.stringify(second.payload)).not.toContain('planted-ann');
    expect(JSON.stringify(second.payload)).toContain('planted-bob');
    await socket.close();

    // Who was erased stands in no record either.
    const audit = await told(
      'support',
      '{ auditLog(where: { action: { eq: "personal.erase" } }) { nodes { details } } }',
    );
    expect(audit.nodes).toHaveLength(3);
    expect(JSON.stringify(audit)).not.toContain('planted');

    // An older copy of the vault is put back: what was erased since is gone again before it serves.
    await sandbox.close();
    cpSync(backup, join(directory, 'titles/personal/vault'), { recursive: true });
    expect(filesHolding(directory, ['planted-ann'])).toEqual(only);
    sandbox = await Sandbox.startIn(directory, {}, [personalTitle]);
    expect(filesHolding(directory, ['planted-ann'])).toEqual([]);
    const after = (await told('support', players)).nodes;
    expect(JSON.stringify(after)).not.toContain('planted-ann');
    expect(JSON.stringify(after)).toContain('planted-bob');

    for (const subject of ['planted-bob', 'planted-carl', '1']) {
      await told('support', erase, { s: subject });
    }
    expect(filesHolding(directory, planted)).toEqual([]);
  });
});
