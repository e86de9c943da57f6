import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { childHosts } from '../columns/child-hosts.ts';
import { arrowTick } from '../serve/arrow-tick.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { type Answer, answerOf, codeOf, commitTick, Sandbox, tickOf } from '../serve/sandbox.ts';
import { readEvents } from '../serve/server-sent.ts';
import { parseMetrics, type Sample } from './prometheus-text.ts';

/** A title with the tables and names of the first: nothing but the title tells them apart. */
const brawl: TitleManifest = { ...ashfall, title: 'brawl' };
const late: TitleManifest = { ...ashfall, title: 'late' };
const pulse =
  'subscription ($cursor: String) { matchPulseChanges(cursor: $cursor) { kind cursor position rows { sessionId actions } } }';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({}, ashfall, brawl);
  await openSession('ashfall', 'match');
  await openSession('brawl', 'match');
});
afterAll(() => sandbox.stop());

async function authorization(title: string, role: string) {
  return { authorization: `Bearer ${await sandbox.token(role, { title })}` };
}

/** With a token of the same title, unless `tokenOf` names another. */
async function ask(
  title: string,
  role: string,
  query: string,
  variables: Record<string, unknown> = {},
  tokenOf = title,
): Promise<Answer> {
  const response = await fetch(`${sandbox.url}/${title}/graphql`, {
    method: 'POST',
    headers: { ...(await authorization(tokenOf, role)), 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return answerOf(response);
}

/** What a field answered, without errors. */
function fieldOf<T>(answer: Answer, field: string): T {
  expect(answer.errors).toBeUndefined();
  return answer.data?.[field] as T;
}

async function openSession(title: string, sessionId: string): Promise<void> {
  const query = 'mutation ($id: ID!) { openSession(input: { sessionId: $id }) { fence } }';
  expect(codeOf(await ask(title, 'game-server', query, { id: sessionId }))).toBe('OK');
}

async function commit(title: string, tick: number, moves: number, more = {}): Promise<unknown> {
  const input = { ...tickOf('match', tick, moves), ...more };
  return fieldOf(await ask(title, 'game-server', commitTick, { input }), 'commitTick');
}

async function unitsOf(title: string): Promise<number> {
  const query = `{ unitStateList(where: { sessionId: { eq: "match" }, ownerId: { in: [1, 2] } }, first: 1000) { nodes { unitId } } }`;
  const answer = await ask(title, 'game-server', query);
  return fieldOf<{ nodes: unknown[] }>(answer, 'unitStateList').nodes.length;
}

async function actionsInColumns(title: string, position: string): Promise<number> {
  const query =
    'query ($p: Position!) { actionLogGroups(by: [sessionId], minPosition: $p) { nodes { count } } }';
  const answer = await ask(title, 'analyst', query, { p: position });
  expect(codeOf(answer)).toBe('OK');
  const { nodes } = fieldOf<{ nodes: { count: string }[] }>(answer, 'actionLogGroups');
  return Number(nodes[0]?.count);
}

describe('two titles of one server', () => {
  test('have rows, sessions, views and columns of their own, in one process of ClickHouse', async () => {
    const first = (await commit('ashfall', 1, 3)) as { position: string };
    const second = (await commit('brawl', 1, 5)) as { position: string };
    expect([await unitsOf('ashfall'), await unitsOf('brawl')]).toEqual([3, 5]);
    expect(await actionsInColumns('ashfall', first.position)).toBe(3);
    expect(await actionsInColumns('brawl', second.position)).toBe(5);
    const actions = async (title: string) => {
      const answer = await ask(title, 'liveops', '{ matchPulse { rows { actions } } }');
      return fieldOf<{ rows: { actions: number }[] }>(answer, 'matchPulse').rows;
    };
    expect(await actions('ashfall')).toMatchObject([{ actions: 3 }]);
    expect(await actions('brawl')).toMatchObject([{ actions: 5 }]);
    expect(childHosts()).toHaveLength(1);
  });

  test('an idempotency key of one is nothing to the other', async () => {
    const key = { idempotencyKey: 'same-key' };
    expect(await commit('ashfall', 2, 1, key)).toMatchObject({ duplicate: false, tick: 2 });
    expect(await commit('brawl', 2, 2, key)).toMatchObject({ duplicate: false, accepted: 2 });
    expect(await commit('ashfall', 2, 1, key)).toMatchObject({ duplicate: true, accepted: 1 });
  });

  test('the path without a title says how one is named', async () => {
    const response = await fetch(`${sandbox.url}/graphql?query={__typename}`, {
      headers: await authorization('ashfall', 'liveops'),
    });
    const answer = await answerOf(response);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'UNKNOWN_TITLE']);
    expect(answer.errors?.[0]?.message).toContain('/{title}/graphql');
    const token = await fetch(`${sandbox.url}/sandbox/token?role=admin`, { method: 'POST' });
    expect(token.status).toBe(404);
    const unknown = await answerOf(await fetch(`${sandbox.url}/chess/manifest.json`));
    expect(codeOf(unknown)).toBe('UNKNOWN_TITLE');
    expect(unknown.errors?.[0]?.message).not.toMatch(/ashfall|brawl/);
  });

  test('a title without a token of its own gets the same answer on every path', async () => {
    const headers = await authorization('ashfall', 'game-server');
    const json = { ...headers, 'content-type': 'application/json' };
    const arrow = { ...headers, 'content-type': 'application/vnd.apache.arrow.stream' };
    const body = JSON.stringify({ query: '{ __typename }' });
    const requests: [string, RequestInit][] = [
      ['graphql', { method: 'POST', headers: json, body }],
      ['graphql?query={__typename}', { headers }],
      ['graphql', { method: 'POST', headers: { ...json, accept: 'text/event-stream' }, body }],
      [
        'sessions/match/ticks/3',
        { method: 'POST', headers: arrow, body: new Uint8Array(await arrowTick(3, 1)) },
      ],
      ['schema.graphql', { headers }],
      ['manifest.json', { headers }],
    ];
    for (const [path, request] of requests) {
      const answer = await answerOf(await fetch(`${sandbox.url}/brawl/${path}`, request));
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'FORBIDDEN']);
    }
    const closed = await FrameSocket.refused(sandbox.url, headers, {}, 'brawl');
    expect(closed).toEqual({ code: 4403, reason: 'FORBIDDEN' });
    expect(await unitsOf('brawl')).toBe(5);
  });

  test('an export link of one opens nothing of the other', async () => {
    const query =
      'mutation { createExport(input: { table: "actionLog", format: ARROW_STREAM }) { id url } }';
    const answer = await ask('ashfall', 'analyst', query);
    const { id, url } = fieldOf<{ id: string; url: string }>(answer, 'createExport');
    expect((await fetch(url)).status).toBe(200);
    const moved = await answerOf(await fetch(url.replace('/ashfall/', '/brawl/')));
    expect(codeOf(moved)).toBe('FORBIDDEN');
    const asked = await ask('brawl', 'analyst', 'query ($id: ID!) { export(id: $id) { url } }', {
      id,
    });
    expect(asked.data).toEqual({ export: null });
  });

  test('SQL of one names nothing of the other', async () => {
    const sql = (title: string, query: string) =>
      ask(title, 'analyst', 'query ($q: String!) { sql(query: $q) { rows } }', { q: query });
    expect((await sql('brawl', 'SELECT count() FROM actionLog')).data).toBeTruthy();
    for (const text of [
      'SELECT count() FROM tickloom_ashfall.actionLog',
      'SELECT count() FROM `tickloom_ashfall`.`actionLog`',
      'SELECT count() FROM actionLog AS a, tickloom_ashfall.unitState AS b',
      "SELECT count() FROM merge('tickloom_.*', 'actionLog')",
      'SELECT tickloom_ashfall.actionLog.tick FROM actionLog',
    ]) {
      const answer = await sql('brawl', text);
      expect([text, codeOf(answer)]).toEqual([text, 'BAD_USER_INPUT']);
    }
  });

  test('a cursor of one makes a subscriber of the other start over', async () => {
    const cursorOf = async (title: string) => {
      const socket = await FrameSocket.connect(
        sandbox.url,
        await authorization(title, 'liveops'),
        {},
        title,
      );
      socket.subscribe('1', pulse);
      const { frame } = await socket.next('1');
      socket.close();
      return frame.cursor;
    };
    const own = await firstFrame('brawl', await cursorOf('brawl'));
    expect(own?.kind).toMatch(/DELTA|HEARTBEAT/);
    const foreign = await firstFrame('brawl', await cursorOf('ashfall'));
    expect(foreign).toMatchObject({ kind: 'RESET', rows: [{ sessionId: 'match', actions: 7 }] });
  });

  /** The first frame from that cursor on, once one more tick is committed. */
  async function firstFrame(title: string, cursor: string) {
    const tick = ++firstFrameTick;
    const response = await fetch(`${sandbox.url}/${title}/graphql`, {
      method: 'POST',
      headers: {
        ...(await authorization(title, 'liveops')),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: pulse, variables: { cursor } }),
    });
    const events = readEvents(response);
    const first = events.next();
    await commit(title, tick, 0);
    const { value } = await first;
    await response.body?.cancel().catch(() => {});
    return value?.frame;
  }
  let firstFrameTick = 2;

  test('their metrics are told apart by the label title, and told once', async () => {
    const samples = parseMetrics(await sandbox.metrics());
    const titlesOf = (name: string) => new Set(of(samples, name).map(({ labels }) => labels.title));
    for (const name of [
      'tickloom_commit_seconds_count',
      'tickloom_commit_actions_total',
      'tickloom_log_sync_seconds_count',
      'tickloom_log_pending',
      'tickloom_apply_seconds_count',
      'tickloom_state_rows',
      'tickloom_state_memory_bytes',
      'tickloom_columns_lag_lsn',
      'tickloom_columns_merges_active',
      'tickloom_columns_insert_seconds_count',
      'tickloom_exports_bytes_total',
      'tickloom_checkpoint_seconds_count',
      'tickloom_ticks_waiting_bytes',
    ]) {
      expect([name, titlesOf(name)]).toEqual([name, new Set(['ashfall', 'brawl'])]);
    }
    // What names no title of the server counts for none: strangers choose no labels.
    expect(titlesOf('tickloom_requests_total')).toEqual(new Set(['ashfall', 'brawl', '']));
    expect(of(samples, 'tickloom_columns_up')).toMatchObject([{ labels: {}, value: 1 }]);
    const ofTitles = samples.filter(({ labels }) => labels.title);
    expect(ofTitles.every(({ name }) => name.startsWith('tickloom_'))).toBe(true);
  });

  test('both are as they were after a restart', async () => {
    const before = [await unitsOf('ashfall'), await unitsOf('brawl')];
    await sandbox.restart();
    expect([await unitsOf('ashfall'), await unitsOf('brawl')]).toEqual(before);
    expect(childHosts()).toHaveLength(1);
    const ready = (await (await fetch(`${sandbox.url}/readyz`)).json()) as object;
    expect(ready).toMatchObject({ titles: { ashfall: {}, brawl: {} } });
  });
});

function of(samples: readonly Sample[], name: string): Sample[] {
  return samples.filter((sample) => sample.name === name);
}

describe('a title that is opened while the server runs', () => {
  test('is served, closed and opened again while ticks of another go on', async () => {
    let goesOn = true;
    let ticks = 0;
    await openSession('ashfall', 'busy');
    const refusals: string[] = [];
    const ticking = (async () => {
      for (; goesOn; ticks++) {
        const input = tickOf('busy', ticks + 1, 1);
        const code = codeOf(await ask('ashfall', 'game-server', commitTick, { input }));
        if (code !== 'OK') refusals.push(code);
      }
    })();

    await sandbox.titles.open(late);
    await openSession('late', 'match');
    const { position } = (await commit('late', 1, 4)) as { position: string };
    expect(await actionsInColumns('late', position)).toBe(4);
    const socket = await FrameSocket.connect(
      sandbox.url,
      await authorization('late', 'liveops'),
      {},
      'late',
    );
    socket.subscribe('1', pulse);
    await socket.next('1');
    const stays = await FrameSocket.connect(sandbox.url, await authorization('ashfall', 'liveops'));
    stays.subscribe('1', pulse);
    await stays.next('1');

    const authorized = await authorization('late', 'liveops');
    await sandbox.titles.close('late');
    expect(await socket.closed).toMatchObject({ code: 1001 });
    const gone = await answerOf(
      await fetch(`${sandbox.url}/late/manifest.json`, { headers: authorized }),
    );
    expect(codeOf(gone)).toBe('UNKNOWN_TITLE');
    const samples = parseMetrics(await sandbox.metrics());
    expect(samples.filter(({ labels }) => labels.title === 'late')).toEqual([]);
    expect((await fetch(`${sandbox.url}/readyz`)).status).toBe(200);

    await sandbox.titles.open(late);
    expect(await unitsOf('late')).toBe(4);
    expect(await actionsInColumns('late', position)).toBe(4);
    const before = ticks;
    await expect.poll(() => ticks).toBeGreaterThan(before);
    goesOn = false;
    await ticking;
    expect(refusals).toEqual([]);
    stays.subscribe('2', '{ __typename }');
    await stays.receive(({ id }) => id === '2');
    stays.close();
    expect(childHosts()).toHaveLength(1);
    await sandbox.titles.close('late');
  });

  test('that cannot be opened leaves the others alone, and can be tried again', async () => {
    await expect(sandbox.titles.open(brawl)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const shorter = { ...late, tables: late.tables.slice(0, -1) };
    await expect(sandbox.titles.open(shorter)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    const samples = parseMetrics(await sandbox.metrics());
    expect(samples.filter(({ labels }) => labels.title === 'late')).toEqual([]);
    expect(await unitsOf('brawl')).toBe(5);
    await sandbox.titles.open(late);
    expect(await unitsOf('late')).toBe(4);
    await sandbox.titles.close('late');
  });

  test('finishes what runs before it is closed, and takes nothing new meanwhile', async () => {
    await sandbox.titles.open(late);
    const headers = {
      ...(await authorization('late', 'game-server')),
      'content-type': 'application/vnd.apache.arrow.stream',
    };
    const body = new Uint8Array(await arrowTick(2, 1));
    const url = `${sandbox.url}/late/sessions/match/ticks/2`;
    const running = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': body.length, expect: '100-continue' },
    });
    running.flushHeaders();
    // The server has the request by now, and waits for its body.
    await once(running, 'continue');
    const closing = sandbox.titles.close('late');
    const refused = await answerOf(await fetch(url, { method: 'POST', headers, body }));
    expect([refused.status, codeOf(refused)]).toEqual([503, 'UNAVAILABLE']);
    running.end(body);
    const [response] = (await once(running, 'response')) as [IncomingMessage];
    const answer = JSON.parse(String(Buffer.concat(await response.toArray())));
    expect([response.statusCode, answer]).toMatchObject([200, { tick: 2, accepted: 1 }]);
    await closing;
  });
});

test('a start with a title that cannot be opened fails whole', async () => {
  const { directory } = sandbox;
  await sandbox.close();
  const shorter = { ...brawl, tables: brawl.tables.slice(0, -1) };
  await expect(Sandbox.startIn(directory, {}, [ashfall, shorter])).rejects.toMatchObject({
    code: 'MIGRATION_REFUSED',
  });
  expect(childHosts()).toEqual([]);
  sandbox = await Sandbox.startIn(directory, {}, [ashfall, brawl]);
  expect(await unitsOf('brawl')).toBe(5);
});
