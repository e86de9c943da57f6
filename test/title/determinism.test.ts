import { describe, expect, it } from 'vitest';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { columnOf } from '../intake/any-column.ts';
import { testTicket } from '../ticket.ts';
import { commit, contentOf, insertUnit, TestTitle } from './test-title.ts';
import { contentDigest, playOneByOne, sessions, workload } from './workload.ts';

const now = () => 1_000;
const steps = workload(11, 60);

describe('the same log', () => {
  it('gives the same change sets, byte for byte, and the same rows, verdicts and hashes', async () => {
    const title = await TestTitle.create();
    const first = await title.open({ now });
    const contents = await playOneByOne(first, steps);
    await title.close(first);
    expect(title.columns.changes.size).toBe(steps.length);
    title.columns.coveredLsn = 0;
    const replayed = await title.open({ now });
    expect(contentDigest(replayed)).toBe(contents.at(-1));
    expect(title.columns.differences).toEqual([]);
    // Verdicts: every tick that was applied answers as it did.
    for (const step of steps) {
      if (step.alone) continue;
      const outcome = await step.run(replayed).catch((error) => error.code);
      if (typeof outcome === 'string') expect(outcome).toMatch(/FENCED|TICK_OUT_OF_ORDER/);
      else expect(outcome).toMatchObject({ duplicate: true });
    }
    expect(contentDigest(replayed)).toBe(contents.at(-1));
  });

  it('gives the same from a checkpoint as from its first record', async () => {
    const title = await TestTitle.create();
    const half = steps.length / 2;
    const first = await title.open({ now });
    await playOneByOne(first, steps.slice(0, half));
    // Closing takes a checkpoint.
    await title.close(first);
    const second = await title.open({ now });
    const contents = await playOneByOne(second, steps.slice(half));
    await title.close(second);
    const fromCheckpoint = await title.open({ now });
    expect(contentDigest(fromCheckpoint)).toBe(contents.at(-1));
    await title.close(fromCheckpoint);
    title.columns.coveredLsn = 0;
    const fromStart = await title.open({ now });
    expect(contentDigest(fromStart)).toBe(contents.at(-1));
    expect(title.columns.differences).toEqual([]);
  });

  it('gives the same chain under a later manifest with more columns, and knows its retries', async () => {
    const title = await TestTitle.create();
    const first = await title.open({ now });
    await first.openSession(testTicket, 's', false);
    const tick = { actions: [[insertUnit(1), insertUnit(2, { x: 3 })], [insertUnit(1)]] };
    const outcome = await commit(first, 1, tick);
    const before = first.session(testTicket, 's');
    await title.close(first);
    title.columns.coveredLsn = 0;
    const later = await title.open({ now, manifest: withMoreColumns(ashfall) });
    expect(later.session(testTicket, 's')).toEqual(before);
    expect(await commit(later, 1, tick)).toMatchObject({
      duplicate: true,
      lsn: outcome.lsn,
      stateHash: outcome.stateHash,
    });
    expect(later.state.get(testTicket, 'unitState', { sessionId: 's', unitId: 1 })).toMatchObject({
      version: 1,
      mood: null,
    });
    await commit(later, 2, { actions: [[insertUnit(3, { mood: 'BLUE' })]] });
    const content = contentOf(later, sessions);
    await title.close(later);
    title.columns.coveredLsn = 0;
    const again = await title.open({ now, manifest: withMoreColumns(ashfall) });
    expect(contentOf(again, sessions)).toEqual(content);
  });
});

function withMoreColumns(manifest: TitleManifest): TitleManifest {
  return {
    ...manifest,
    version: manifest.version + 1,
    tables: manifest.tables.map((table) =>
      table.kind === 'action' || table.name === 'unitState'
        ? { ...table, columns: [...table.columns, columnOf('mood', 'enum', { optional: true })] }
        : table,
    ),
  };
}
