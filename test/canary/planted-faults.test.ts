import { describe, expect, it } from 'vitest';
import type { Invariant } from '../../engine/canary/broken-invariant.ts';
import { finish } from '../../engine/govern/work.ts';
import { lsnWord, versionWord } from '../../engine/state/row-layout.ts';
import type { SecondaryIndex } from '../../engine/state/secondary-index.ts';
import type { SessionState } from '../../engine/state/session.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { testTicket } from '../ticket.ts';
import { memoryColumns } from '../title/memory-columns.ts';
import { commit, insertUnit } from '../title/test-title.ts';
import { PlantedTitle } from './planted-title.ts';

/** A fault as a bug would leave it, of rows that the tick at hand does not write unless it says so. */
interface Planted {
  readonly what: string;
  readonly invariant: Invariant;
  readonly place: string | RegExp;
  readonly plant: (title: PlantedTitle) => void;
}

const unit1 = 'sessionId=s unitId=1';

function sessionOf(title: PlantedTitle, id: string): SessionState {
  const session = title.projection.sessions.get(id);
  if (!session) throw new Error(`there is no session ${id}`);
  return session;
}

function byOwner(title: PlantedTitle): SecondaryIndex {
  const [index] = title.units.indexes;
  if (!index) throw new Error('units have an index');
  return index;
}

const faults: readonly Planted[] = [
  {
    what: 'a written row that is not what the change set says',
    invariant: 'changes',
    place: 'unitState',
    plant: (title) => {
      const { words, at } = title.cell(3, 'health');
      words[at] = 7;
    },
  },
  {
    what: 'a row that is not counted',
    invariant: 'slots',
    place: 'unitState',
    plant: (title) => {
      title.units.rowCount--;
    },
  },
  {
    what: 'a row that lost its version',
    invariant: 'slots',
    place: 'unitState',
    plant: (title) => {
      const { page, offset } = title.unit(1);
      page.u32[offset + versionWord] = 0;
    },
  },
  {
    what: 'a row whose slot is free',
    invariant: 'slots',
    place: 'unitState',
    plant: (title) => (title.units.pages.freeSlots as number[]).push(title.unit(1).slot),
  },
  {
    what: 'a row of a position to come',
    invariant: 'stamps',
    place: 'unitState',
    plant: (title) => {
      const { page, offset } = title.unit(1);
      page.f64[(offset + lsnWord) >> 1] = 1_000;
    },
  },
  {
    what: 'a page that an incremental checkpoint would miss',
    invariant: 'stamps',
    place: 'unitState',
    plant: (title) => title.units.pages.touch(title.unit(1).slot, 1),
  },
  {
    what: 'a row with the key of another',
    invariant: 'keys',
    place: 'unitState',
    plant: (title) => {
      const { words, at } = title.cell(1, 'unitId');
      words[at] = 2;
    },
  },
  {
    what: 'an entry of the key index for no row',
    invariant: 'keys',
    place: 'unitState',
    plant: (title) => title.units.keys.add(12_345, 4_000),
  },
  {
    what: 'an indexed value written past its index',
    invariant: 'indexes',
    place: 'unitState.byOwner',
    plant: (title) => {
      const { words, at } = title.cell(1, 'ownerId');
      words[at] = 9;
    },
  },
  {
    what: 'a row that an index lost',
    invariant: 'indexes',
    place: 'unitState.byOwner',
    plant: (title) => byOwner(title).remove(title.unit(1).slot),
  },
  {
    what: 'an index whose list is a ring',
    invariant: 'indexes',
    place: 'unitState.byOwner',
    plant: (title) => byOwner(title).add(title.unit(1).slot),
  },
  {
    what: 'a null with a value under it',
    invariant: 'cells',
    place: 'unitState',
    plant: (title) => {
      const { words, at } = title.cell(1, 'targetUnitId');
      words[at] = 5;
    },
  },
  {
    what: 'a text that no string stands for',
    invariant: 'cells',
    place: 'unitState',
    plant: (title) => {
      const { words, at } = title.cell(1, 'blueprint');
      title.units.pool.release(words[at] as number);
      words[at] = 0;
    },
  },
  {
    what: 'a reference that nobody holds',
    invariant: 'strings',
    place: 'strings',
    plant: (title) => {
      const { words, at } = title.cell(1, 'blueprint');
      title.units.pool.retain(words[at] as number);
    },
  },
  {
    what: 'a string whose bytes were overwritten',
    invariant: 'strings',
    place: 'strings',
    plant: (title) => {
      const { words, at } = title.cell(1, 'blueprint');
      title.units.pool.bytes(words[at] as number)[0] = 0;
    },
  },
  {
    what: 'memory that is not counted',
    invariant: 'memory',
    place: 'strings',
    plant: ({ units }) => (units.pool.tables.chunks as Uint8Array[]).push(new Uint8Array(8)),
  },
  {
    what: 'answers whose memory is not counted',
    invariant: 'memory',
    place: 'answers',
    plant: ({ projection }) => {
      projection.answerMemory.bytes -= 88;
    },
  },
  {
    what: 'an answer that was forgotten while its session is open',
    invariant: 'chain',
    place: 'session',
    plant: (title) => sessionOf(title, 's').ledger.keepNewest(1),
  },
  {
    what: 'an answer of another session that was forgotten',
    invariant: 'sessions',
    place: 'session',
    plant: (title) => sessionOf(title, 'other').ledger.keepNewest(0),
  },
  {
    what: 'a first verdict that was forgotten',
    invariant: 'verdicts',
    place: 'first verdicts',
    plant: ({ projection }) => projection.firstVerdicts.keepNewest(0),
  },
  {
    what: 'another session that moved',
    invariant: 'sessions',
    place: 'session',
    plant: (title) => {
      sessionOf(title, 'other').lastTick = 3;
    },
  },
  {
    what: 'a session that fell back a tick',
    invariant: 'sessions',
    place: 'session',
    plant: (title) => {
      sessionOf(title, 's').lastTick = 1;
    },
  },
  {
    what: 'a link that content, verdicts and rows do not give',
    invariant: 'chain',
    place: 'session',
    plant: (title) => {
      const session = sessionOf(title, 's');
      session.stateHash = session.stateHash.map((byte) => byte ^ 1);
    },
  },
  {
    what: 'a view that shows another count',
    invariant: 'views',
    place: /./,
    plant: (title) => {
      const { rows } = title.views;
      title.views.rows = (view, where) => {
        const shown = rows(view, where);
        const changed = shown.rows.map((row) => {
          const counted = Object.entries(row).map(([name, value]) => {
            return [name, typeof value === 'bigint' ? value + 1n : value];
          });
          return Object.fromEntries(counted);
        });
        return { ...shown, rows: changed };
      };
    },
  },
  {
    what: 'a view without one of its groups',
    invariant: 'views',
    place: /./,
    plant: (title) => {
      const { rows } = title.views;
      title.views.rows = (view, where) => ({
        ...rows(view, where),
        rows: rows(view, where).rows.slice(1),
      });
    },
  },
  {
    what: 'views that are behind the rows',
    invariant: 'positions',
    place: 'position 5',
    plant: (title) => Object.defineProperty(title.views, 'lsn', { value: 4 }),
  },
  {
    what: 'a page that is not there',
    invariant: 'reads',
    place: 'position 5',
    plant: (title) => {
      title.units.pages.page = () => {
        throw new TypeError('no page');
      };
    },
  },
];

describe('canary mode', () => {
  it.each(faults)('stops at $what', async ({ invariant, place, plant }) => {
    const title = new PlantedTitle();
    const engine = await title.open();
    const applied = engine.appliedLsn;
    title.plant = () => plant(title);
    const failing = commit(engine, 2, { actions: [[insertUnit(3, { ownerId: 5, health: 1 })]] });
    const told = expect.objectContaining({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`"${invariant}" broken`),
    });
    await expect(failing).rejects.toEqual(told);
    expect(title.broken).toHaveLength(1);
    expect(title.broken[0]?.invariant).toBe(invariant);
    expect(title.broken[0]?.place).toMatch(place);
    expect(engine.failure).toEqual(told);
    expect(engine.appliedLsn).toBe(applied);
  });
});

describe('a title that canary mode has stopped', () => {
  async function stopped(title = new PlantedTitle()) {
    const engine = await title.open();
    title.plant = () => {
      const { words, at } = title.cell(1, 'ownerId');
      words[at] = 9;
    };
    return { title, engine };
  }

  it('answers nothing that was under way, and accepts nothing more', async () => {
    const { title, engine } = await stopped();
    const subscription = engine.views.subscribe(testTicket, 'unitState', {
      where: null,
      cursor: null,
      maxRate: null,
      onLag: 'COALESCE',
    });
    await subscription.next();
    const underWay = [
      commit(engine, 2, { actions: [[insertUnit(3, { ownerId: 5 })]] }),
      commit(engine, 3, { header: { afterTick: 2 } }),
      commit(engine, 9, { header: { afterTick: 8 } }),
      engine.openSession(testTicket, 's', true),
    ];
    for (const answer of await Promise.allSettled(underWay)) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    }
    expect(await subscription.next()).toMatchObject({ done: true });
    const refused = expect.objectContaining({
      details: { invariant: 'indexes', place: 'unitState.byOwner' },
    });
    await expect(commit(engine, 4)).rejects.toEqual(refused);
    await expect(engine.openSession(testTicket, 'new', false)).rejects.toEqual(refused);
    expect(Math.max(...title.columns.changes.keys())).toBe(engine.appliedLsn);
    expect(title.broken).toHaveLength(1);
  });

  it('names the key to the server alone', async () => {
    const { title, engine } = await stopped();
    await commit(engine, 2).catch(() => {});
    expect(title.broken[0]).toMatchObject({ place: 'unitState.byOwner', key: unit1 });
    expect(title.broken[0]?.message).toContain(unit1);
    expect(engine.failure?.message).not.toContain('unitId');
  });

  it('keeps no checkpoint of it, and comes back with what the log says', async () => {
    const { title, engine } = await stopped();
    await commit(engine, 2, { actions: [[insertUnit(3, { ownerId: 5 })]] }).catch(() => {});
    await engine.close();
    expect(title.checkpoints).toEqual([]);
    title.storage.restart('process');
    const { directory, storage } = title;
    const again = await openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns: memoryColumns(title.columns),
      storage,
      canary: true,
    });
    expect(again.appliedLsn).toBe(5);
    const owners = finish(again.state.select(testTicket, 'unitState', null)).map((row) => [
      row.unitId,
      row.ownerId,
    ]);
    expect(owners).toEqual([
      [1, 1],
      [2, 1],
      [3, 5],
    ]);
    await again.close();
  });

  it('publishes no checkpoint that was under way', async () => {
    const title = new PlantedTitle();
    title.checkpointEveryBytes = 1;
    let publish = () => {};
    title.mayPublish = new Promise((resolve) => {
      publish = resolve;
    });
    const { engine } = await stopped(title);
    await commit(engine, 2).catch(() => {});
    publish();
    await engine.close();
    expect(title.checkpoints).toEqual([expect.any(Error)]);
    expect(title.storage.paths().filter((path) => path.endsWith('.json'))).toEqual([]);
  });
});
