import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import { kills } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { childHosts } from './child-hosts.ts';
import { manifest } from './fabricate.ts';
import { SeededRandom } from './random.ts';
import { bounds, countOf, openEmbedded, temporaryDirectory } from './stores.ts';
import { type Expected, expectedRows, tickOf } from './workload.ts';

const directory = temporaryDirectory();
let store: OpenColumnStore | null = null;
afterEach(async () => {
  await store?.close();
  store = null;
});

/** Rows and distinct rows of every table, and the live rows of the state table. */
async function rowsIn(open: OpenColumnStore): Promise<Expected> {
  const { rows } = await open.sql(
    testTicket,
    `SELECT
      (SELECT (count(), uniqExact(_lsn, seq)) FROM orders),
      (SELECT (count(), uniqExact(_lsn, seq)) FROM facts),
      (SELECT (count(), uniqExact(_lsn, unitId)) FROM units_history)`,
    {},
    1,
    bounds,
    'whole',
  );
  const [orders, facts, history] = (rows[0] ?? []) as [string, string][];
  for (const [count, distinct] of [orders, facts, history] as [string, string][]) {
    expect(count, 'no row is there twice').toBe(distinct);
  }
  return {
    orders: Number(orders?.[0]),
    facts: Number(facts?.[0]),
    history: Number(history?.[0]),
    units: await countOf(open, 'units'),
  };
}

/** A change set as another process can be sent it. */
function sendable(changes: ChangeSet): object {
  return { ...changes, states: changes.states.map(({ before: _, ...rest }) => rest) };
}

const seed = Number(process.env.TICKLOOM_TEST_SEED ?? 20261123);

/** Even where its parent, which is the first process by then, has not taken notice. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  const commandLine = `/proc/${pid}/cmdline`;
  return existsSync(commandLine) && readFileSync(commandLine, 'utf8') === '';
}

describe(`shipping under kill -9 (seed ${seed})`, () => {
  const random = new SeededRandom(seed);
  let offered = 0;

  it('holds every row once when the child is killed at random moments', async () => {
    store = await openEmbedded(directory.path);
    const open = store;
    for (let round = 0; round < kills(6); round++) {
      const until = offered + 30 + random.below(30);
      for (; offered < until; offered++) {
        open.offer(tickOf(offered + 1));
        open.advance(asLsn(offered + 1));
        if (random.below(8) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const covered = open.waitForCovered(testTicket.within(30_000), asLsn(offered));
      await new Promise((resolve) => setTimeout(resolve, random.below(60)));
      const killed = open.childPid;
      if (killed !== null) process.kill(killed, 'SIGKILL');
      await covered;
      await vi.waitFor(() => expect([null, killed]).not.toContain(open.childPid), 10_000);
      expect(await rowsIn(open)).toEqual(expectedRows(offered));
    }
  });

  it('takes a whole replay after a restart without doubling a row', async () => {
    store = await openEmbedded(directory.path);
    expect(store.neededFromLsn).toBeLessThanOrEqual(offered + 1);
    for (let lsn = 1; lsn <= offered; lsn++) {
      store.offer(tickOf(lsn));
      store.advance(asLsn(lsn));
    }
    await store.waitForCovered(testTicket.within(30_000), asLsn(offered));
    expect(await rowsIn(store)).toEqual(expectedRows(offered));
  });

  it.runIf(existsSync('/proc/self/stat'))(
    'opens though children are killed meanwhile',
    async () => {
      const killed = new Set<number>();
      let isOpen = false;
      const opening = openEmbedded(directory.path).finally(() => {
        isOpen = true;
      });
      while (!isOpen && killed.size < 3) {
        await new Promise((resolve) => setTimeout(resolve, 50 + random.below(400)));
        for (const pid of isOpen ? [] : childHosts().filter((one) => !killed.has(one))) {
          process.kill(pid, 'SIGKILL');
          killed.add(pid);
        }
      }
      store = await opening;
      expect(killed.size).toBeGreaterThan(0);
      await store.waitForCovered(testTicket.within(30_000), asLsn(offered));
      expect(await rowsIn(store)).toEqual(expectedRows(offered));
    },
  );

  it('knows after an orderly close that nothing is needed again', async () => {
    store = await openEmbedded(directory.path);
    expect(store.neededFromLsn).toBe(offered + 1);
    expect(store.coveredLsn).toBe(offered);
  });

  it('holds every row once when the parent is killed, and leaves no process behind', async () => {
    const program = fileURLToPath(new URL('ship-until-killed.mjs', import.meta.url));
    for (let round = 0; round < kills(3); round++) {
      const parent = fork(program, [], { execArgv: [], serialization: 'advanced' });
      const ticks = Array.from({ length: 40 }, (_, i) => sendable(tickOf(offered + 1 + i)));
      parent.send({ manifest, directory: directory.path, ticks });
      const [{ childPid }] = (await once(parent, 'message')) as [{ childPid: number }];
      await new Promise((resolve) => setTimeout(resolve, random.below(400)));
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      store = await openEmbedded(directory.path);
      // The new child could only take the directory once the old one was gone.
      expect(hasEnded(childPid)).toBe(true);
      offered += 40;
      for (let lsn = store.neededFromLsn as number; lsn <= offered; lsn++) {
        store.offer(tickOf(lsn));
        store.advance(asLsn(lsn));
      }
      await store.waitForCovered(testTicket.within(30_000), asLsn(offered));
      expect(await rowsIn(store)).toEqual(expectedRows(offered));
      await store.close();
      store = null;
    }
    directory.remove();
  });
});
