import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { parseOperationList } from '../../src/api/graphql/operation-list.ts';
import { askServer } from '../../src/cli/control-client.ts';
import { operationModeOf, operationRules } from '../../src/config/operation-modes.ts';
import { FrameSocket } from './frame-socket.ts';
import { type Answer, answerOf, codeOf, Sandbox } from './sandbox.ts';
import { readEvents } from './server-sent.ts';

const pulse = 'query Pulse { matchPulse { position } }';
const follow = 'subscription Follow { matchPulseChanges { kind } }';
const units = 'query Units { unitStateList(first: 1) { nodes { unitId } } }';
const plain = 'query Plain { __typename }';
const broken = 'query Broken { noSuchField }';

const directory = mkdtempSync(join(tmpdir(), 'tickloom-operations-'));
const file = join(directory, 'operations.json');
let sandbox: Sandbox;

beforeAll(async () => {
  writeList([pulse, follow, broken, plain]);
  sandbox = await Sandbox.start({
    persistedOperations: file,
    operations: 'any,player=persisted-only,analyst=persisted-only',
  });
});
afterAll(() => sandbox.stop());

function idOf(document: string): string {
  return createHash('sha256').update(document).digest('hex');
}

function writeList(documents: readonly string[]): void {
  writeFileSync(
    file,
    JSON.stringify(Object.fromEntries(documents.map((one) => [idOf(one), one])), null, 2),
  );
}

function apq(document: string): Record<string, unknown> {
  return { extensions: { persistedQuery: { version: 1, sha256Hash: idOf(document) } } };
}

async function send(role: string, body: unknown): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${await sandbox.token(role, { player_id: '3' })}`,
    'content-type': 'application/json',
  };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return answerOf(await fetch(`${sandbox.url}/ashfall/graphql`, init));
}

/** How many documents came to be parsed how, and how many were validated. */
async function counts(): Promise<Record<string, number>> {
  const text = await (await fetch(`${sandbox.url}/metrics`)).text();
  const of = (line: string) =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.split(' ')[1] ?? 0,
    );
  const documents = (outcome: string) =>
    of(`tickloom_graphql_documents_total{title="ashfall",outcome="${outcome}"}`);
  return {
    parsed: documents('parsed'),
    listed: documents('listed'),
    validated: of('tickloom_graphql_validations_total{title="ashfall"}'),
  };
}

describe('an operation of the list', () => {
  test('is run by its SHA-256, in every form that clients send, neither parsed nor validated', async () => {
    const before = await counts();
    const id = idOf(pulse);
    const forms = [
      apq(pulse),
      { ...apq(pulse), query: '' },
      { ...apq(pulse), query: null },
      { id },
      { documentId: id },
      { documentId: `sha256:${id}` },
      { documentId: id.toUpperCase() },
    ];
    for (const form of forms) {
      const answer = await send('liveops', form);
      expect([form, codeOf(answer)]).toEqual([form, 'OK']);
      expect(answer.data).toHaveProperty('matchPulse');
    }
    const authorization = `Bearer ${await sandbox.token('liveops')}`;
    const queries = [
      `documentId=${id}`,
      `id=${id}`,
      `extensions=${encodeURIComponent(JSON.stringify(apq(pulse).extensions))}`,
    ];
    for (const query of queries) {
      const url = `${sandbox.url}/ashfall/graphql?${query}`;
      expect(codeOf(await answerOf(await fetch(url, { headers: { authorization } })))).toBe('OK');
    }
    const after = await counts();
    expect(after).toEqual({ ...before, listed: (before.listed ?? 0) + 10 });
  });

  test('is followed over a WebSocket and as an event stream, by its id alone', async () => {
    const before = await counts();
    const authorization = `Bearer ${await sandbox.token('liveops')}`;
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    const payloads = [apq(follow), { ...apq(follow), query: '' }, { documentId: idOf(follow) }];
    for (const [i, payload] of payloads.entries()) {
      socket.send({ id: `s${i}`, type: 'subscribe', payload });
      expect(await socket.receive(({ id }) => id === `s${i}`)).toMatchObject({ type: 'next' });
    }
    socket.close();
    const response = await fetch(`${sandbox.url}/ashfall/graphql?documentId=${idOf(follow)}`, {
      headers: { authorization, accept: 'text/event-stream' },
    });
    const first = await readEvents(response).next();
    expect(JSON.stringify(first.value)).toContain('SNAPSHOT');
    const after = await counts();
    expect(after).toEqual({ ...before, listed: (before.listed ?? 0) + 4 });
  });

  test('that is not valid is told at the start with its line, and answers what is wrong with it', async () => {
    const report = await askServer(sandbox.directory, 'POST', '/titles/ashfall/operations/reload');
    expect(report).toMatchObject({ title: 'ashfall', operations: 4 });
    const { invalid } = report as { invalid: string[] };
    expect(invalid).toEqual([
      `${file}:4: Cannot query field "noSuchField" on type "Query". (line 1 of the operation)`,
    ]);
    const answer = await send('player', { id: idOf(broken) });
    expect(codeOf(answer)).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});

describe('a role that runs the operations of the list alone', () => {
  test('is refused every other document, on every road, and the refusal says how one gets on the list', async () => {
    expect(codeOf(await send('player', { id: idOf(plain) }))).toBe('OK');
    // The very text of one is that one.
    expect(codeOf(await send('player', { query: plain }))).toBe('OK');
    expect(codeOf(await send('analyst', { query: plain }))).toBe('OK');
    const others = [
      { query: units },
      { query: '{ __schema { types { name } } }' },
      { query: `${pulse} ` },
      apq(units),
      { ...apq(units), query: units },
      { id: idOf(units) },
    ];
    for (const body of others) {
      const answer = await send('player', body);
      expect([body, codeOf(answer), answer.status]).toEqual([body, 'FORBIDDEN', 403]);
      expect(answer.errors?.[0]?.message).toContain('tickloom generate sdk --operations');
    }
    const authorization = `Bearer ${await sandbox.token('player')}`;
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    socket.send({ id: 'u', type: 'subscribe', payload: { query: units } });
    const { type, payload } = await socket.receive(({ id }) => id === 'u');
    expect([type, payload[0].extensions.code]).toEqual(['error', 'FORBIDDEN']);
    socket.close();
  });

  test('runs nothing that another role had the server remember', async () => {
    const query = 'query Kind { __typename }';
    expect(codeOf(await send('liveops', { ...apq(query), query }))).toBe('OK');
    expect(codeOf(await send('liveops', apq(query)))).toBe('OK');
    expect(codeOf(await send('player', apq(query)))).toBe('FORBIDDEN');
  });
});

describe('a role that may send any document', () => {
  test('has the server remember one as clients of Apollo and urql do', async () => {
    const query = 'query Mine { matchPulse { rows { actions } } }';
    const unknown = await send('liveops', apq(query));
    expect([unknown.status, codeOf(unknown), unknown.errors?.[0]?.message]).toEqual([
      200,
      'PERSISTED_QUERY_NOT_FOUND',
      'PersistedQueryNotFound',
    ]);
    expect(codeOf(await send('liveops', { ...apq(query), query }))).toBe('OK');
    expect(codeOf(await send('liveops', apq(query)))).toBe('OK');
  });

  test('cannot have it remember a text under the hash of another', async () => {
    const forged = { ...apq('query Forged { __typename }'), query: pulse };
    expect(codeOf(await send('liveops', forged))).toBe('BAD_USER_INPUT');
    expect(codeOf(await send('liveops', { ...apq(pulse), query: units }))).toBe('BAD_USER_INPUT');
    expect(codeOf(await send('liveops', apq('query Forged { __typename }')))).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    );
  });

  test.each([
    { id: 'abc' },
    { documentId: 7 },
    { documentId: 'md5:d41d8cd98f00b204e9800998ecf8427e' },
    { extensions: { persistedQuery: { version: 1, sha256Hash: {} } } },
    { extensions: { persistedQuery: { version: 2, sha256Hash: idOf(pulse) } } },
    { extensions: { persistedQuery: 7 } },
    { extensions: { persistedQuery: { version: 1 } } },
    {},
  ])('is told what is wrong with %j', async (body) => {
    const answer = await send('liveops', body);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'BAD_USER_INPUT']);
  });

  test('speaks through graphql-ws with the extension that its recipe has', async () => {
    const authorization = `Bearer ${await sandbox.token('liveops')}`;
    const client = createClient({
      url: `${sandbox.url.replace('http', 'ws')}/ashfall/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
    });
    const results = client.iterate({ query: '', ...apq(follow) });
    expect(await results.next()).toMatchObject({
      value: { data: { matchPulseChanges: { kind: 'SNAPSHOT' } } },
    });
    await results.return?.();
    await client.dispose();
  });
});

describe('the list', () => {
  const reload = () => askServer(sandbox.directory, 'POST', '/titles/ashfall/operations/reload');

  test('is read anew without a restart, and one that cannot be read leaves the one before', async () => {
    writeList([pulse, follow, units]);
    expect(await reload()).toMatchObject({ operations: 3, invalid: [] });
    expect(codeOf(await send('player', { id: idOf(units) }))).toBe('OK');
    const wrong: [string, string][] = [
      ['{', 'is not JSON'],
      ['[]', 'must be an object'],
      [`{\n  "${idOf(units)}": 7\n}`, `${file}:2: the operation`],
      [`{\n\n  "${'0'.repeat(64)}": "{ a }"\n}`, `${file}:3: "0000`],
      [`{ "Pulse": "{ a }" }`, 'is not the SHA-256 of its document'],
    ];
    for (const [text, message] of wrong) {
      writeFileSync(file, text);
      await expect(reload()).rejects.toThrow(message);
    }
    expect(codeOf(await send('player', { id: idOf(units) }))).toBe('OK');
  });

  test('has so many operations, and not one more (persistedOperationsMax)', () => {
    const listOf = (count: number) => {
      const documents = Array.from({ length: count }, (_, i) => `query Q${i} { __typename }`);
      return JSON.stringify(Object.fromEntries(documents.map((one) => [idOf(one), one])));
    };
    expect(parseOperationList(listOf(10_000), 'a.json')).toHaveLength(10_000);
    expect(() => parseOperationList(listOf(10_001), 'a.json')).toThrow(
      'more than 10000 operations',
    );
  });

  test("may be a manifest of Apollo's", async () => {
    const operations = [{ id: idOf(pulse), name: 'Pulse', type: 'query', body: pulse }];
    writeFileSync(
      file,
      JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }),
    );
    expect(await reload()).toMatchObject({ operations: 1, invalid: [] });
    expect(codeOf(await send('player', { id: idOf(units) }))).toBe('FORBIDDEN');
    expect(codeOf(await send('liveops', { id: idOf(pulse) }))).toBe('OK');
  });
});

describe('the setting of what roles may send', () => {
  test('is what says the most of a role', () => {
    const rules = operationRules.parse('persisted-only,liveops=any,ashfall/liveops=persisted-only');
    const modes = [
      operationModeOf(rules, 'ashfall', 'player'),
      operationModeOf(rules, 'ashfall', null),
      operationModeOf(rules, 'ashfall', 'liveops'),
      operationModeOf(rules, 'bazaar', 'liveops'),
      operationModeOf([], 'bazaar', 'liveops'),
    ];
    expect(modes).toEqual(['persisted-only', 'persisted-only', 'persisted-only', 'any', 'any']);
    for (const text of ['', 'none', 'player', 'player=some', 'a/b/c=any', '=any']) {
      expect(() => operationRules.parse(text)).toThrow('persisted-only');
    }
  });
});
