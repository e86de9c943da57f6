import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { points } from '../budget.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../title/memory-columns.ts';
import { personalTitle } from './personal-title.ts';
import { commitPlayer, emailOf } from './players.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-vault-crash-'));
});
afterAll(() => rm(directory, { recursive: true }));

function open(storage: FaultyStorage): Promise<Engine> {
  return openEngine({
    manifest: personalTitle,
    directory,
    durability: { mode: 'strict' },
    storage,
    columns: memoryColumns(new ColumnsOnDisk()),
    now: () => 1_000,
  });
}

const accounts = ['ann', 'bob', 'carl', 'dora', 'emil', 'fred'];
const erased = 'bob';

/** What somebody was told of one life of the server. */
interface Told {
  committed: number;
  erasing: 'no' | 'begun' | 'done';
}

/** Ticks with a new person each, all on their way at once, then an erasure, until the storage crashes. */
async function live(storage: FaultyStorage): Promise<Told> {
  const told: Told = { committed: 0, erasing: 'no' };
  const engine = await open(storage).catch(() => null);
  if (engine === null) return told;
  try {
    await engine.openSession(testTicket, 's', false);
    for (const batch of [accounts.slice(0, 3), accounts.slice(3)]) {
      const first = accounts.indexOf(batch[0] ?? '');
      const ticks = batch.map((account, i) => {
        const afterTick = first + i === 0 ? null : first + i;
        return commitPlayer(engine, first + i + 1, account, { afterTick });
      });
      for (const tick of ticks) tick.catch(() => {});
      for (const tick of ticks) {
        await tick;
        told.committed += 1;
      }
      if (told.erasing !== 'no') continue;
      told.erasing = 'begun';
      await engine.personal?.erase(erased);
      told.erasing = 'done';
    }
  } catch {
    // The machine stopped.
  }
  await engine.close().catch(() => {});
  return told;
}

async function callsOf(): Promise<number> {
  const storage = new FaultyStorage();
  expect(await live(storage)).toEqual({ committed: 6, erasing: 'done' });
  return storage.calls;
}

const moments = ['before', 'during', 'after'] as const;

test.each(['process', 'power'] as const)(
  'whatever the log refers to is in the vault, and what was erased is in no file, after a crash of the %s at any call',
  async (after) => {
    const calls = await callsOf();
    expect(calls).toBeGreaterThan(40);
    let rowsSeen = 0;
    for (const at of points(1, calls)) {
      const moment = moments[at % 3] ?? 'during';
      const storage = new FaultyStorage({ seed: at, faults: [{ kind: 'crash', moment, at }] });
      const told = await live(storage);
      storage.restart(after);
      const engine = await open(storage);
      const rows = finish(engine.state.select(testTicket, 'players', null));
      expect(rows.length).toBeGreaterThanOrEqual(told.committed);
      for (const row of rows) {
        const account = engine.personal?.valueOf(row.account as string) ?? '';
        const email = engine.personal?.valueOf(row.email as string);
        if (accounts.includes(account)) expect(email).toBe(emailOf(account));
        else expect([at, told.erasing]).not.toEqual([at, 'no']);
        rowsSeen += 1;
      }
      const shown = rows.map((row) => engine.personal?.valueOf(row.account as string));
      expect(shown.filter((one) => one?.startsWith('~')).length).toBeLessThanOrEqual(1);
      if (told.erasing === 'done') {
        expect(storage.paths().filter((path) => storage.contentOf(path).includes(erased))).toEqual(
          [],
        );
      }
      await engine.close();
    }
    expect(rowsSeen).toBeGreaterThan(0);
  },
);
