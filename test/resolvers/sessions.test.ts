import { expect, test } from 'vitest';
import { testTicket } from '../ticket.ts';
import { openTitleApi } from './title-api.ts';

const fields = '{ sessionId fence lastTick position stateHash open }';

test('a session is opened, found open, taken over and closed', async () => {
  const api = await openTitleApi();
  const server = api.as('game-server');
  const open = `mutation ($takeOver: Boolean) {
    openSession(input: { sessionId: "m1", takeOver: $takeOver }) ${fields}
  }`;
  const first = (await server.data(open)).openSession;
  expect(first).toMatchObject({ sessionId: 'm1', lastTick: null, position: '0:1', open: true });
  expect((await server.data(open)).openSession).toEqual(first);
  const taken = (await server.data(open, { takeOver: true })).openSession;
  expect(taken.fence).toBe(first.fence + 1);
  const close = `mutation ($fence: Int) {
    closeSession(input: { sessionId: "m1", fence: $fence }) ${fields}
  }`;
  expect(await server.refusal(close, { fence: first.fence })).toMatchObject({ code: 'FENCED' });
  const closed = (await server.data(close, { fence: taken.fence })).closeSession;
  expect(closed).toMatchObject({ open: false, fence: taken.fence });
  expect(await server.data(`{ session(sessionId: "m1") ${fields} }`)).toEqual({ session: closed });
  const refused = await server.refusal(open);
  expect(refused).toMatchObject({ code: 'FENCED', details: { sessionId: 'm1' } });
  expect(refused.message).toContain('takeOver: true');
  const reopened = (await server.data(open, { takeOver: true })).openSession;
  expect(reopened).toMatchObject({ open: true, fence: taken.fence + 1 });
  expect(api.audit.map(({ action, outcome, code }) => [action, outcome, code])).toEqual([
    ['session.open', 'done', undefined],
    ['session.open', 'done', undefined],
    ['session.open', 'done', undefined],
    ['session.close', 'failed', 'FENCED'],
    ['session.close', 'done', undefined],
    ['session.open', 'failed', 'FENCED'],
    ['session.open', 'done', undefined],
  ]);
});

test('a session nobody opened is null', async () => {
  const api = await openTitleApi();
  expect(await api.as('liveops').data('{ session(sessionId: "m9") { open } }')).toEqual({
    session: null,
  });
});

const listed = `query ($where: SessionWhere, $orderBy: [SessionOrder!], $first: Int, $after: String) {
  sessions(where: $where, orderBy: $orderBy, first: $first, after: $after) {
    nodes { sessionId fence lastTick position open }
    edges { cursor node { sessionId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    position
  }
}`;

/** Sessions `a` to `e`: `b` closed, `c` taken over, `d` and `e` with ticks. */
async function withSessions() {
  const api = await openTitleApi();
  const { engine } = api;
  for (const name of ['d', 'b', 'e', 'a', 'c']) await engine.openSession(testTicket, name, false);
  await engine.closeSession(testTicket, 'b', null);
  await engine.openSession(testTicket, 'c', true);
  const commit = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { tick } }';
  for (const [sessionId, tick] of [
    ['e', 7],
    ['d', 3],
  ]) {
    await api.as('game-server').data(commit, { input: { sessionId, tick } });
  }
  return api;
}

test('sessions are listed by name, a page at a time, as Relay pages through a connection', async () => {
  const caller = (await withSessions()).as('liveops');
  const pages: string[][] = [];
  let after: string | null = null;
  do {
    const { sessions } = await caller.data(listed, { first: 2, after });
    expect(sessions.position).toBe('0:9');
    expect(sessions.pageInfo.startCursor).toBe(sessions.edges[0].cursor);
    expect(sessions.pageInfo.endCursor).toBe(sessions.edges.at(-1).cursor);
    expect(sessions.pageInfo.hasPreviousPage).toBe(after !== null);
    expect(sessions.edges.map((edge: { node: object }) => edge.node)).toEqual(
      sessions.nodes.map(({ sessionId }: { sessionId: string }) => ({ sessionId })),
    );
    pages.push(sessions.nodes.map(({ sessionId }: { sessionId: string }) => sessionId));
    after = sessions.pageInfo.hasNextPage ? sessions.pageInfo.endCursor : null;
  } while (after !== null);
  expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
});

test('sessions are found by what they are, and ordered by what happened last', async () => {
  const api = await withSessions();
  const caller = api.as('liveops');
  const namesOf = async (variables: object) => {
    const { sessions } = await caller.data(listed, { ...variables });
    return sessions.nodes.map(({ sessionId }: { sessionId: string }) => sessionId).join('');
  };
  expect(await namesOf({ where: { open: { eq: false } } })).toBe('b');
  expect(await namesOf({ where: { fence: { gt: 1 } } })).toBe('c');
  expect(await namesOf({ where: { lastTick: { isNull: true } } })).toBe('abc');
  expect(await namesOf({ where: { sessionId: { in: ['a', 'e'] } } })).toBe('ae');
  expect(await namesOf({ orderBy: [{ column: 'position', direction: 'DESC' }] })).toBe('decba');
  const orderBy = [{ column: 'lastTick', direction: 'DESC' }];
  expect(await namesOf({ orderBy })).toBe('edabc');
  const { sessions } = await caller.data(listed, { orderBy, first: 3 });
  const { endCursor } = sessions.pageInfo;
  // Pages do not move when sessions come before them, nor when the one that they ended with goes on.
  await api.engine.openSession(testTicket, '0', false);
  await api.engine.openSession(testTicket, 'a', true);
  expect(await namesOf({ orderBy, after: endCursor })).toBe('bc');
  const foreign = await caller.refusal(listed, { after: endCursor });
  expect(foreign).toMatchObject({ code: 'BAD_USER_INPUT', details: { path: 'after' } });
});

test('sessions are read in bounded work: ten thousand of them, in slices', async () => {
  const api = await openTitleApi();
  const opened = Array.from({ length: 10_000 }, (_, i) =>
    api.engine.openSession(testTicket, `m${String(i).padStart(5, '0')}`, false),
  );
  await Promise.all(opened);
  const steps = [
    ...api.engine.listSessions(testTicket, { where: null, orderBy: [], first: 10, after: null }),
  ];
  expect(steps.length).toBeGreaterThan(40);
  const { sessions } = await api.as('liveops').data(listed, { first: 1 });
  expect(sessions.nodes[0].sessionId).toBe('m00000');
  expect(await api.as('liveops').refusal(listed, { first: 100_000 })).toMatchObject({
    code: 'LIMIT_EXCEEDED',
  });
});
