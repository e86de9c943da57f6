import { expect, test } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { firstHeldLsn } from '../../engine/log/segment-files.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { RoleDefinition } from '../../engine/model/types.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { verifyReplay } from '../../engine/recover/verify-replay.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { commit, TestTitle } from './test-title.ts';

const scout: RoleDefinition = {
  name: 'scout',
  class: 'OPERATOR',
  capabilities: ['explain'],
  tables: [{ table: 'unitState', read: true, aggregate: false, write: false, rowFilter: null }],
  views: [],
};
const { roles } = ashfall;
const player = { ...(roles.find(({ name }) => name === 'player') as RoleDefinition), views: [] };

function set(engine: Engine, ...changed: RoleDefinition[]) {
  const patch = { set: changed, remove: [], follow: [] };
  return engine.access.change(testTicket, patch, engine.access.lsn, 'admin');
}

/** Everything that a ruling can be asked for. */
function told({ access }: Engine) {
  return {
    roles: [...access.roles],
    lsn: access.lsn,
    revocations: access.revocations(),
    isOldRevoked: access.isRevoked('mallory', 0),
  };
}

/** Rulings among ticks, the last of them taken back. */
async function rule(engine: Engine): Promise<void> {
  await engine.openSession(testTicket, 's', false);
  await commit(engine, 1);
  await set(engine, scout, player);
  await commit(engine, 2);
  const patch = { set: [], remove: ['analyst'], follow: ['player'] };
  await engine.access.change(testTicket, patch, engine.access.lsn, 'admin');
  await engine.access.revoke(testTicket, 'mallory', 'bots', 'admin');
  await engine.access.revoke(testTicket, 'eve', null, 'admin');
  await engine.access.unrevoke(testTicket, 'eve', 'admin');
  await commit(engine, 3);
}

test('roles that were changed and subjects that were revoked are so after a restart, as they were', async () => {
  const title = await TestTitle.create();
  const engine = await title.open();
  await rule(engine);
  const before = told(engine);
  expect(engine.access.roles.get('scout')).toEqual(scout);
  expect(engine.access.roles.get('player')).toBe(engine.catalog.roles.get('player'));
  expect(engine.access.roles.has('analyst')).toBe(false);
  expect(before.revocations).toMatchObject([{ subject: 'mallory', reason: 'bots', by: 'admin' }]);
  await title.close(engine);
  // By a checkpoint alone, then by a checkpoint and what is behind it.
  const again = await title.open({ checkpointOnClose: false });
  expect(told(again)).toEqual(before);
  await set(again, player);
  const later = told(again);
  await title.close(again);
  expect(told(await title.open())).toEqual(later);
});

test('from the log alone they come back the same, too', async () => {
  const title = await TestTitle.create();
  const engine = await title.open({ checkpointOnClose: false });
  await rule(engine);
  const before = told(engine);
  await title.close(engine);
  expect(told(await title.open())).toEqual(before);
});

test('they outlive the part of the log that they stand in', async () => {
  const title = await TestTitle.create();
  const options = {
    logRetainBytes: 0,
    logSegmentBytesMax: 4_096,
    checkpointEveryBytes: 2_048,
    checkpointOnClose: false,
  };
  let engine = await title.open(options);
  await rule(engine);
  const before = told(engine);
  for (let tick = 4; tick < 80; tick++) await commit(engine, tick);
  for (let i = 0; i < 3; i++) {
    await title.close(engine);
    engine = await title.open({ ...options, checkpointOnClose: true });
    await commit(engine, 80 + i);
  }
  await title.close(engine);
  expect(await firstHeldLsn(nodeStorage, `${title.directory}/log`)).toBeGreaterThan(8);
  engine = await title.open(options);
  expect(told(engine)).toEqual(before);
});

test('ticks come to the same hashes with rulings between them as without', async () => {
  const [ruled, plain] = await Promise.all([TestTitle.create(), TestTitle.create()]);
  const [one, other] = await Promise.all([ruled.open(), plain.open()]);
  await rule(one);
  await other.openSession(testTicket, 's', false);
  for (const tick of [1, 2, 3]) await commit(other, tick);
  const hash = (engine: Engine) => engine.session(testTicket, 's')?.stateHash;
  expect(hash(one)).toEqual(hash(other));
  await ruled.close(one);
  const report = await verifyReplay({
    directory: `${ruled.directory}/log`,
    manifest: ashfall,
    session: null,
  });
  expect(report).toMatchObject({ divergence: null });
});

test('a change that was decided against other roles is refused, and changes nothing', async () => {
  const title = await TestTitle.create();
  const engine = await title.open();
  const first = engine.access.lsn;
  const patch = { set: [scout], remove: [], follow: [] };
  const both = await Promise.allSettled([
    engine.access.change(testTicket, patch, first, 'one'),
    engine.access.change(testTicket, { ...patch, set: [player] }, first, 'other'),
  ]);
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(both[1]).toMatchObject({ reason: { code: 'FENCED' } });
  await expect(engine.access.change(testTicket, patch, first, 'late')).rejects.toMatchObject({
    code: 'FENCED',
  });
  expect(engine.access.roles.get('player')).toBe(engine.catalog.roles.get('player'));
});

test('ticks that wait for their turn are decided by the roles that hold where they are appended', async () => {
  const title = await TestTitle.create();
  const engine = await title.open();
  await engine.openSession(testTicket, 's', false);
  const asked: string[] = [];
  const tick = (number: number, afterTick: number | null) => {
    const batch = buildTickBatch(engine.catalog, {
      header: tickHeader(number, { sessionId: 's', afterTick }),
      actions: [],
      effects: [],
    });
    return engine.commit(testTicket, batch, () => {
      const isAllowed = engine.access.rolesToMeet.every((each) => each.has('analyst'));
      asked.push(`${number}: ${isAllowed}`);
      if (!isAllowed) throw new Error('not any more');
    });
  };
  const waits = tick(2, 1);
  waits.catch(() => {});
  const change = engine.access.change(
    testTicket,
    { set: [], remove: ['analyst'], follow: [] },
    engine.access.lsn,
    'admin',
  );
  // Appended after the change, which is not in force yet.
  await expect(tick(1, null)).rejects.toThrow('not any more');
  await change;
  expect(asked).toEqual(['2: true', '1: false']);
  expect(engine.session(testTicket, 's')?.lastTick).toBe(null);
});

test('a retry is answered before anybody is asked whether it may', async () => {
  const title = await TestTitle.create();
  const engine = await title.open();
  await engine.openSession(testTicket, 's', false);
  const batch = buildTickBatch(engine.catalog, {
    header: tickHeader(1, { sessionId: 's' }),
    actions: [],
    effects: [],
  });
  const first = await engine.commit(testTicket, batch);
  const refuse = () => {
    throw new Error('not any more');
  };
  await expect(engine.commit(testTicket, batch, refuse)).resolves.toMatchObject({
    duplicate: true,
    lsn: first.lsn,
  });
});

test('a record of a kind that is not known refuses the start, and says why', async () => {
  const title = await TestTitle.create();
  await title.close(await title.open({ checkpointOnClose: false }));
  const directory = `${title.directory}/log`;
  const log = await openFileLog({
    directory,
    durability: { mode: 'strict' },
    replayFrom: asLsn(1),
    onRecord: () => {},
  });
  const json = JSON.stringify({ type: 'prophecy', at: 0 });
  const payload = Buffer.alloc(Math.ceil((4 + json.length) / 8) * 8, ' ');
  payload.writeUInt32LE(payload.length - 4, 0);
  payload.write(json, 4);
  log.listen({ onDurable: () => {}, onRejected: () => {}, onFailure: () => {} });
  log.append([payload]);
  await log.close();
  await expect(title.open()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('the kind "prophecy"'),
  });
});

test('as many subjects as there may be are revoked, and one more is not', async () => {
  const title = await TestTitle.create();
  const engine = await title.open({ durability: { mode: 'none' } });
  const names = Array.from({ length: limits.revocationsMax }, (_, i) => `bot ${i}`);
  await Promise.all(names.map((name) => engine.access.revoke(testTicket, name, null, 'admin')));
  const more = engine.access.revoke(testTicket, 'one more', null, 'admin');
  await expect(more).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  await engine.access.revoke(testTicket, 'bot 7', 'again', 'admin');
  await engine.access.unrevoke(testTicket, 'bot 8', 'admin');
  await engine.access.revoke(testTicket, 'one more', null, 'admin');
  expect(engine.access.revocations()).toHaveLength(limits.revocationsMax);
});
