import { expect, test } from 'vitest';
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
  expect(api.audit.map((event) => event.action)).toEqual([
    'session.open',
    'session.open',
    'session.open',
    'session.close',
  ]);
});

test('a session nobody opened is null', async () => {
  const api = await openTitleApi();
  expect(await api.as('liveops').data('{ session(sessionId: "m9") { open } }')).toEqual({
    session: null,
  });
});
