import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { verifyReplay } from '../../engine/recover/verify-replay.ts';
import { testTicket } from '../ticket.ts';
import { commit, TestTitle } from '../title/test-title.ts';
import { personalTitle } from './personal-title.ts';
import { commitPlayer, emailOf } from './players.ts';

async function opened(title: TestTitle): Promise<Engine> {
  const engine = await title.open({ manifest: personalTitle });
  await engine.openSession(testTicket, 's', false);
  return engine;
}

function players(engine: Engine) {
  return finish(engine.state.select(testTicket, 'players', null));
}

test('rows hold tokens, and the vault has what they stand for', async () => {
  const title = await TestTitle.create();
  const engine = await opened(title);
  await commitPlayer(engine, 1, 'ann');
  const [row] = players(engine);
  expect(row?.account).toMatch(/^~[\w-]{22}$/);
  expect(engine.personal?.valueOf(row?.account as string)).toBe('ann');
  expect(engine.personal?.valueOf(row?.email as string)).toBe(emailOf('ann'));
});

test('a retry is the duplicate of its tick, here and after a start', async () => {
  const title = await TestTitle.create();
  const engine = await opened(title);
  const first = await commitPlayer(engine, 1, 'ann');
  const again = await commitPlayer(engine, 1, 'ann');
  expect(again).toMatchObject({ duplicate: true, lsn: first.lsn });
  await title.close(engine);
  const later = await title.open({ manifest: personalTitle });
  expect(await commitPlayer(later, 1, 'ann')).toMatchObject({ duplicate: true, lsn: first.lsn });
});

test('ticks of a session keep their order, whichever of them waits for the vault', async () => {
  const title = await TestTitle.create();
  const engine = await opened(title);
  await commitPlayer(engine, 1, 'ann');
  // The second brings a new value and waits; the third brings none, and waits behind it.
  const outcomes = await Promise.all([
    commitPlayer(engine, 2, 'bob'),
    commitPlayer(engine, 3, 'ann'),
    commitPlayer(engine, 4, 'carl'),
    commitPlayer(engine, 5, 'ann'),
  ]);
  expect(outcomes.map(({ tick }) => tick)).toEqual([2, 3, 4, 5]);
  const lsns = outcomes.map(({ lsn }) => lsn);
  expect(lsns).toEqual([...lsns].sort((a, b) => a - b));
});

test('the log replays to the same hashes once values are erased', async () => {
  const title = await TestTitle.create();
  const engine = await opened(title);
  const before: string[] = [];
  for (const [i, account] of ['ann', 'bob', 'ann'].entries()) {
    before.push((await commitPlayer(engine, i + 1, account)).stateHash);
  }
  const rows = players(engine);
  await engine.personal?.erase('ann');
  expect(players(engine)).toEqual(rows);
  await title.close(engine);
  const report = await verifyReplay({
    manifest: personalTitle,
    directory: join(title.directory, 'log'),
    session: null,
  });
  expect(report).toMatchObject({ divergence: null, witnessed: 2 });
  expect(report.sessions).toMatchObject([{ session: 's', stateHash: before.at(-1) }]);
  const again = await title.open({ manifest: personalTitle });
  expect(players(again)).toEqual(rows);
  const fourth = await commitPlayer(again, 4, 'bob');
  expect(fourth.duplicate).toBe(false);
});

test('ticks of a title without personal columns bring nothing to the vault, and wait for nothing', async () => {
  const title = await TestTitle.create();
  const engine = await title.open();
  await engine.openSession(testTicket, 's', false);
  await commit(engine, 1, { actions: [[]] });
  expect(engine.personal).toMatchObject({ hasColumns: false, count: 0 });
  expect(statSync(join(title.directory, 'vault', 'entries')).size).toBe(0);
});

test('a column with rows neither becomes personal nor ceases to be', async () => {
  const title = await TestTitle.create();
  await title.close(await opened(title));
  const bare = {
    ...personalTitle,
    tables: personalTitle.tables.map((table) => ({
      ...table,
      columns: table.columns.map(({ personal: _, ...column }) => column),
    })),
  };
  await expect(title.open({ manifest: bare })).rejects.toThrow(/is no longer personal/);
});
