import { afterEach, expect, it } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { committed, data, failure, type Script, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
afterEach(() => server.close());

const session = {
  sessionId: 'm1',
  fence: 1,
  lastTick: null,
  position: '0:1',
  stateHash: 'ab',
  open: true,
};
const unit = {
  sessionId: 'm1',
  unitId: 7,
  ownerId: 3,
  version: 1,
  position: '0:9',
  committedAt: '2026-01-31T12:00:00.000Z',
};
const answered = {
  position: '0:9',
  sessionId: 'm1',
  tick: 1,
  duplicate: false,
  accepted: 1,
  rejected: 0,
  aborted: false,
  stateHash: 'cd',
  conflict: null,
  results: [],
};

/** Commits to position 0:9, and reads from a node that has applied it only at the third read. */
function laggingNode(): Script {
  let reads = 0;
  return ({ operation, headers }) => {
    if (operation === 'OpenSession') return data({ openSession: session });
    if (operation === 'CommitTick') return committed(answered);
    reads += 1;
    if (reads >= 3) return data({ unitState: unit }, '0:9');
    // As a node does: stale rows to who demands nothing, a refusal to who demands more than it has.
    return headers['x-tickloom-read-after'] === '0:9'
      ? failure('NOT_CAUGHT_UP', { category: 'transient', retryable: true })
      : data({ unitState: null }, '0:2');
  };
}

it('a client reads its own writes without being told to, from a node that lags too', async () => {
  server = await ScriptedServer.start(laggingNode());
  const client = new AshfallClient({
    url: server.url,
    token: 'secret',
    retry: { baseMs: 1, maxMs: 2 },
  });
  const match = await client.openSession('m1');
  await match.commit(1, (tick) => {
    tick
      .action({ actionId: 'a1', playerId: 3, kind: 'MOVE', unitIds: [7] })
      .unitState.insert({ unitId: 7, ownerId: 3 });
  });
  const read = await client.unitState.get({ sessionId: 'm1', unitId: 7 });
  expect(read).toMatchObject({ ownerId: 3, version: 1 });
  const demanded = server.requests
    .filter(({ operation }) => operation === 'UnitState')
    .map(({ headers }) => headers['x-tickloom-read-after']);
  expect(demanded).toEqual(['0:9', '0:9', '0:9']);
});
