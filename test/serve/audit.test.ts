import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { type Answer, codeOf, Sandbox } from './sandbox.ts';

/** Ashfall, with a role that may do much and is watched while it reads. */
const watched: TitleManifest = {
  ...ashfall,
  roles: [
    ...ashfall.roles,
    {
      name: 'watched',
      class: 'OPERATOR',
      capabilities: ['sql', 'export', 'kill', 'audit'],
      tables: ashfall.tables.map(({ name }) => ({
        table: name,
        read: true,
        aggregate: true,
        write: false,
        rowFilter: null,
      })),
      views: ['matchPulse'],
      auditReads: true,
    },
  ],
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({}, watched);
  await sandbox.openSession('match');
  await sandbox.commit('match', 1);
});
afterAll(() => sandbox.stop());

interface Entry {
  readonly sequence: number;
  readonly source: string;
  readonly session: string | null;
  readonly tick: number | null;
  readonly tables: readonly string[];
  readonly accepted: number | null;
  readonly rejected: number | null;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly subject: string | null;
  readonly role: string | null;
  readonly address: string | null;
  readonly client: string | null;
  readonly requestId: string | null;
  readonly class: string | null;
  readonly operation: string | null;
  readonly fingerprint: string | null;
  readonly table: string | null;
  readonly columns: readonly string[];
  readonly position: string | null;
  readonly rowsRead: number | null;
  readonly bytesRead: number | null;
  readonly rowsWritten: number | null;
  readonly elapsedMs: number | null;
  readonly times: number;
  readonly details: Record<string, unknown> | null;
}

const auditLog = `query Audit($where: AuditWhere, $first: Int, $after: String) {
  auditLog(where: $where, first: $first, after: $after) {
    nodes {
      sequence source session tick tables accepted rejected at action outcome code subject role address client requestId class operation
      fingerprint table columns position rowsRead bytesRead rowsWritten elapsedMs times details
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Records that a condition finds, the newest first. */
async function entries(where: Record<string, unknown>): Promise<Entry[]> {
  const answer = await sandbox.ask('liveops', auditLog, { where });
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return (answer.data.auditLog as { nodes: Entry[] }).nodes;
}

async function newest(action: string, more: Record<string, unknown> = {}): Promise<Entry> {
  const [entry] = await entries({ action: { eq: action }, ...more });
  if (entry === undefined) throw new Error(`no ${action} was recorded`);
  return entry;
}

/** What is recorded once its last byte has left, which its client may have before. */
async function awaited(action: string, more: Record<string, unknown>): Promise<Entry> {
  const where = { action: { eq: action }, ...more };
  await expect.poll(() => entries(where), { timeout: 20_000 }).toHaveLength(1);
  return newest(action, more);
}

function exportOf({ data, errors }: Answer): { id: string; url: string } {
  if (!data) throw new Error(JSON.stringify(errors));
  return data.createExport as { id: string; url: string };
}

const byRequest = (requestId: string) => ({ requestId: { eq: requestId } });

describe('who did what is recorded', () => {
  test('a session that is opened: who, from where, by what document, at which position', async () => {
    const answer = await sandbox.ask(
      'game-server',
      'mutation Start { openSession(input: { sessionId: "audited" }) { position fence } }',
      {},
      { 'x-request-id': 'open-1', 'user-agent': 'simulator/7.1' },
    );
    const opened = answer.data?.openSession as { position: string; fence: number } | undefined;
    const { position, fence } = opened ?? {};
    expect(await newest('session.open', byRequest('open-1'))).toMatchObject({
      outcome: 'done',
      code: null,
      subject: expect.any(String),
      role: 'game-server',
      address: expect.stringMatching(/127\.0\.0\.1$/),
      client: 'simulator/7.1',
      class: 'GAMEPLAY',
      operation: 'Start',
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      position,
      times: 1,
      details: { sessionId: 'audited', takeOver: false, fence },
    });
  });

  test('one that fails, with the code it was answered', async () => {
    const close = 'mutation { closeSession(input: { sessionId: "audited", fence: 99 }) { open } }';
    const answer = await sandbox.ask('game-server', close, {}, { 'x-request-id': 'close-1' });
    expect(codeOf(answer)).toBe('FENCED');
    expect(await newest('session.close', byRequest('close-1'))).toMatchObject({
      outcome: 'failed',
      code: 'FENCED',
    });
  });

  test('a direct write: its table and columns, and none of its values', async () => {
    const secret = 'wreck-of-the-hesperus';
    const write = `mutation Swap($input: UnitStateCompareAndSet!) {
      compareAndSetUnitState(input: $input) { applied position }
    }`;
    const input = {
      key: { sessionId: 'match', unitId: 0 },
      expectedVersion: 1,
      set: { blueprint: secret, x: 4711.5 },
    };
    const headers = { 'user-agent': 'admin-tool/1' };
    const answer = await sandbox.ask('game-server', write, { input }, headers);
    expect(answer.data?.compareAndSetUnitState).toMatchObject({ applied: true });
    const entry = await newest('row.compareAndSet');
    expect(entry).toMatchObject({
      source: 'log',
      outcome: 'done',
      subject: expect.stringContaining('game-server'),
      role: 'game-server',
      client: 'admin-tool/1',
      address: expect.stringMatching(/127\.0\.0\.1$/),
      position: (answer.data?.compareAndSetUnitState as { position: string } | undefined)?.position,
      table: 'unitState',
      columns: ['blueprint', 'x'],
      rowsWritten: 1,
      session: 'match',
      tick: null,
    });
    expect(JSON.stringify(entry)).not.toMatch(new RegExp(`${secret}|4711`));
    await sandbox.ask('game-server', write, { input });
    expect(await newest('row.compareAndSet')).toMatchObject({
      outcome: 'refused',
      rowsWritten: 0,
      code: 'VERSION_MISMATCH',
    });
    expect(await entries({ action: { eq: 'row.compareAndSet' } })).toHaveLength(2);
  });

  test('a direct write that fails before it is one, in the audit log', async () => {
    const write = `mutation { compareAndSetUnitState(input: {
      key: { sessionId: "match", unitId: 0 }, expectedVersion: 1, set: { x: 1 }, require: { x: { gt: 1 } }
    }) { applied } }`;
    await sandbox.ask('analyst', write, {}, { 'x-request-id': 'swap-3' });
    expect(await entries(byRequest('swap-3'))).toMatchObject([
      { action: 'access.denied', source: 'audit', role: 'analyst' },
    ]);
  });

  test('SQL: its text, what it read, and none of its parameters', async () => {
    const sql = `query Find($name: JSON) {
      sql(query: "SELECT count() FROM actionLog WHERE actionId = {name:String}", parameters: $name) { rows }
    }`;
    const headers = { 'x-request-id': 'sql-1' };
    await sandbox.ask('analyst', sql, { name: { name: 'the-secret-name' } }, headers);
    const entry = await newest('query.sql', byRequest('sql-1'));
    expect(entry).toMatchObject({
      outcome: 'done',
      role: 'analyst',
      class: 'ARCHIVAL',
      operation: 'Find',
      rowsRead: expect.any(Number),
      bytesRead: expect.any(Number),
      details: { sql: 'SELECT count() FROM actionLog WHERE actionId = {name:String}' },
    });
    expect(entry.elapsedMs).toBeGreaterThan(0);
    expect(JSON.stringify(entry)).not.toContain('the-secret-name');
    const broken = { 'x-request-id': 'sql-2' };
    await sandbox.ask(
      'analyst',
      '{ sql(query: "SELECT nonsense FROM actionLog") { rows } }',
      {},
      broken,
    );
    expect(await newest('query.sql', byRequest('sql-2'))).toMatchObject({
      outcome: 'failed',
      code: 'BAD_USER_INPUT',
    });
  });

  test('a query that is killed', async () => {
    await sandbox.ask(
      'liveops',
      'mutation { killQuery(id: "none") }',
      {},
      { 'x-request-id': 'k-1' },
    );
    expect(await newest('query.kill', byRequest('k-1'))).toMatchObject({
      outcome: 'failed',
      details: { queryId: 'none' },
    });
  });

  test('an export that is ordered, and each read of its link: whose it is, from where, how much', async () => {
    const order = 'mutation { createExport(input: { table: "actionLog" }) { id url } }';
    const answer = await sandbox.ask('analyst', order, {}, { 'x-request-id': 'export-1' });
    const { id, url } = exportOf(answer);
    const ordered = await newest('export.create', byRequest('export-1'));
    expect(ordered).toMatchObject({
      outcome: 'done',
      table: 'actionLog',
      details: { id, format: 'ARROW_STREAM' },
    });
    const headers = { 'user-agent': 'pandas/2', 'x-request-id': 'read-1' };
    const bytes = await (await fetch(url, { headers })).bytes();
    const read = await awaited('export.read', byRequest('read-1'));
    expect(read).toMatchObject({
      outcome: 'done',
      subject: ordered.subject,
      client: 'pandas/2',
      address: expect.stringMatching(/127\.0\.0\.1$/),
      table: 'actionLog',
      details: { id, whole: true },
    });
    expect(Number(read.bytesRead)).toBeGreaterThanOrEqual(bytes.length);
    await (await fetch(url, { headers: { range: 'bytes=0-9', 'x-request-id': 'read-2' } })).bytes();
    expect(await awaited('export.read', byRequest('read-2'))).toMatchObject({
      details: { id, whole: false, range: 'bytes=0-9' },
    });
    const forged = url.replace(/signature=[^&]*/, `signature=${'A'.repeat(43)}`);
    await fetch(forged, { headers: { 'x-request-id': 'read-3' } });
    expect(await newest('sign-in.refused', byRequest('read-3'))).toMatchObject({ subject: null });
  });

  test('what a role may not do, with what it lacks', async () => {
    const headers = { 'x-request-id': 'denied-1' };
    await sandbox.ask('analyst', '{ unitStateList { nodes { x } } }', {}, headers);
    expect(await newest('access.denied', byRequest('denied-1'))).toMatchObject({
      outcome: 'refused',
      code: 'FORBIDDEN',
      role: 'analyst',
      table: 'unitState',
      details: { table: 'unitState', right: 'read' },
    });
    const higher = { 'x-request-id': 'denied-2', 'x-tickloom-class': 'GAMEPLAY' };
    await sandbox.ask('analyst', '{ __typename }', {}, higher);
    expect(await newest('access.denied', byRequest('denied-2'))).toMatchObject({ role: 'analyst' });
    const ticks = `${sandbox.url}/ashfall/sessions/match/ticks/2`;
    const authorization = `Bearer ${await sandbox.token('player')}`;
    await fetch(ticks, { method: 'POST', headers: { authorization, 'x-request-id': 'denied-3' } });
    expect(await newest('access.denied', byRequest('denied-3'))).toMatchObject({
      role: 'player',
      details: { capability: 'commit' },
    });
  });

  test('a token that is refused, without believing what it says of a subject', async () => {
    const authorization = `Bearer ${await sandbox.expiredToken('liveops')}`;
    const headers = { authorization, 'x-request-id': 'late-1', 'content-type': 'application/json' };
    await sandbox.post('{"query":"{ __typename }"}', headers);
    expect(await newest('sign-in.refused', byRequest('late-1'))).toMatchObject({
      outcome: 'refused',
      code: 'TOKEN_EXPIRED',
      subject: null,
      address: expect.stringMatching(/127\.0\.0\.1$/),
    });
  });

  test('the manifest under which the title was opened, once', async () => {
    const opened = await entries({ action: { eq: 'manifest.accept' } });
    expect(opened).toMatchObject([
      { subject: 'operator', details: { version: watched.version, hashBefore: null } },
    ]);
    await sandbox.restart();
    expect(await entries({ action: { eq: 'manifest.accept' } })).toHaveLength(1);
  });
});

describe('who read what is recorded of roles that ask for it', () => {
  test.each([
    [
      '{ unitState(key: { sessionId: "match", unitId: 0 }) { x health } }',
      'read.row',
      'unitState',
      ['x', 'health'],
      1,
    ],
    [
      '{ unitStateList(where: { sessionId: { eq: "match" }, ownerId: { eq: 1 } }) { nodes { ownerId } } }',
      'read.list',
      'unitState',
      ['ownerId'],
      1,
    ],
    [
      '{ actionLogList(minPosition: "0:2") { edges { node { kind } } } }',
      'read.list',
      'actionLog',
      ['kind'],
      2,
    ],
    [
      '{ actionLogGroups(by: [kind], minPosition: "0:2") { nodes { key { kind } count } } }',
      'read.groups',
      'actionLog',
      ['kind', 'count'],
      1,
    ],
    ['{ matchPulse { rows { actions } } }', 'read.view', 'matchPulse', ['actions'], 1],
  ])('%s', async (query, action, table, columns, rowsRead) => {
    const requestId = `read-${action}-${table}`;
    const answer = await sandbox.ask('watched', query, {}, { 'x-request-id': requestId });
    expect(answer.errors).toBeUndefined();
    expect(await newest(action, byRequest(requestId))).toMatchObject({
      outcome: 'done',
      role: 'watched',
      table,
      columns,
      rowsRead,
    });
    const another = action === 'read.row' || action === 'read.list' ? 'game-server' : 'liveops';
    const headers = { 'x-request-id': `${requestId}-other` };
    expect((await sandbox.ask(another, query, {}, headers)).errors).toBeUndefined();
    expect(await entries(byRequest(`${requestId}-other`))).toEqual([]);
  });

  test('a subscription as it begins, and as it ends with what it was sent', async () => {
    const headers = {
      ...(await sandbox.authorization('watched')),
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'x-request-id': 'sub-1',
    };
    const query = 'subscription Watch { matchPulseChanges { kind rows { actions } } }';
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(await newest('subscription.begin', byRequest('sub-1'))).toMatchObject({
      table: 'matchPulse',
      operation: 'Watch',
    });
    await reader?.cancel();
    await expect
      .poll(() => entries({ ...byRequest('sub-1'), action: { eq: 'subscription.end' } }), {
        timeout: 20_000,
      })
      .toMatchObject([{ outcome: 'done', table: 'matchPulse', details: { frames: 1 } }]);
  });
});

describe('who committed what is recorded', () => {
  test('a tick: who committed it, what it wrote and what became of its actions, once', async () => {
    await sandbox.commit('match', 2);
    await sandbox.commit('match', 2);
    const ticks = await entries({ session: { eq: 'match' }, tick: { eq: 2 } });
    expect(ticks).toMatchObject([
      {
        action: 'tick.commit',
        source: 'log',
        outcome: 'done',
        role: 'game-server',
        subject: expect.stringContaining('game-server'),
        address: expect.stringMatching(/127\.0\.0\.1$/),
        tables: expect.arrayContaining(['actionLog']),
        accepted: expect.any(Number),
        rejected: 0,
      },
    ]);
    expect(Number(ticks[0]?.rowsWritten)).toBeGreaterThan(0);
    await sandbox.restart();
    expect(await entries({ session: { eq: 'match' }, tick: { eq: 2 } })).toEqual(ticks);
  });
});

describe('the audit log is read', () => {
  test('by roles with `audit` alone, and reading it is recorded', async () => {
    expect(codeOf(await sandbox.ask('analyst', auditLog))).toBe('FORBIDDEN');
    const headers = { 'x-request-id': 'audit-1' };
    expect(codeOf(await sandbox.ask('liveops', auditLog, { first: 1 }, headers))).toBe('OK');
    expect(await newest('audit.read', byRequest('audit-1'))).toMatchObject({
      subject: expect.any(String),
      rowsRead: 1,
    });
  });

  test('a page after the other, each record once', async () => {
    const seen: string[] = [];
    const times: string[] = [];
    let after: string | null = null;
    do {
      const answer = await sandbox.ask('liveops', auditLog, { first: 3, after });
      const page = answer.data?.auditLog as {
        nodes: Entry[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
      };
      seen.push(...page.nodes.map(({ source, sequence }) => `${source} ${sequence}`));
      times.push(...page.nodes.map(({ at }) => at));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    const numbers = (source: string) =>
      seen.filter((each) => each.startsWith(source)).map((each) => Number(each.split(' ')[1]));
    const audited = numbers('audit');
    // By time: a count of refusals is written when its window ends, and is as old as the last of them.
    const [last = 0] = audited.toSorted((a, b) => b - a);
    expect(audited.toSorted((a, b) => b - a)).toEqual(
      Array.from({ length: last }, (_, i) => last - i),
    );
    const commits = numbers('log');
    expect(commits.length).toBeGreaterThan(3);
    expect(commits).toEqual([...new Set(commits)].sort((a, b) => b - a));
    expect(times).toEqual([...times].sort().reverse());
    const foreign = await sandbox.ask('liveops', auditLog, { after: 'bm9uc2Vuc2U' });
    expect(codeOf(foreign)).toBe('BAD_USER_INPUT');
  });

  test('as Arrow, by roles with `audit` and `export`', async () => {
    const order = (where: string) =>
      `mutation { createExport(input: { audit: true${where} }) { url } }`;
    expect(codeOf(await sandbox.ask('analyst', order('')))).toBe('FORBIDDEN');
    expect(codeOf(await sandbox.ask('liveops', order('')))).toBe('FORBIDDEN');
    const where = ', where: { action: { eq: "session.open" } }';
    const answer = await sandbox.ask('watched', order(where));
    const { url } = exportOf(answer);
    const table = tableFromIPC(await (await fetch(url)).bytes());
    expect(new Set(table.getChild('action'))).toEqual(new Set(['session.open']));
    expect(table.numRows).toBe((await entries({ action: { eq: 'session.open' } })).length);
    const ordered = await sandbox.ask('watched', order(''));
    await sandbox.commit('match', 3);
    const whole = tableFromIPC(await (await fetch(exportOf(ordered).url)).bytes());
    const at = Array.from(whole.getChild('at') ?? [], Number);
    expect(at).toEqual([...at].sort((a, b) => a - b));
    const ticks = Array.from(whole.getChild('tick') ?? []);
    expect(ticks).toEqual(expect.arrayContaining([1, 2]));
    expect(ticks).not.toContain(3);
    const parquet = await sandbox.ask('watched', order(', format: PARQUET'));
    const file = await (await fetch(exportOf(parquet).url)).bytes();
    expect(Buffer.from(file.slice(0, 4)).toString()).toBe('PAR1');
    const both = 'mutation { createExport(input: { audit: true, table: "actionLog" }) { url } }';
    expect(codeOf(await sandbox.ask('watched', both))).toBe('BAD_USER_INPUT');
  });

  test.each([
    '_audit',
    '`_audit`',
    'tickloom_ashfall._audit',
    'merge("_audit")',
    '_commits',
    'tickloom_ashfall._commits',
  ])('and never by SQL: %s', async (name) => {
    const query = `SELECT * FROM ${name}`;
    const answer = await sandbox.ask(
      'watched',
      'query ($query: String!) { sql(query: $query) { rows } }',
      { query },
    );
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  });
});

test('the same refusal a thousand times is few records', async () => {
  const before = (await entries({ action: { eq: 'access.denied' } })).length;
  const denied = () => sandbox.ask('player', '{ matchPulse { rows { actions } } }');
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, denied));
  const { length } = await entries({ action: { eq: 'access.denied' } });
  expect(length - before).toBeGreaterThanOrEqual(1);
  expect(length - before).toBeLessThan(20);
});

test('readiness and metrics tell how the audit log stands', async () => {
  const ready = (await (await fetch(`${sandbox.url}/readyz`)).json()) as {
    checks: Record<string, string>;
  };
  expect(ready.checks.audit).toBe('ok');
  const metrics = await sandbox.metrics();
  expect(metrics).toMatch(/^tickloom_audit_waiting_records\{title="ashfall"\} \d+$/m);
  expect(metrics).toContain('tickloom_audit_refusing{title="ashfall"} 0');
  expect(servingLimits.auditWaitingRecordsMax).toBeGreaterThan(0);
});
