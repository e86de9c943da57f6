import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { testTicket } from '../ticket.ts';
import { commit, insertUnit, TestTitle } from '../title/test-title.ts';
import { ashfallOfOwners } from '../units-by-owner.ts';

it('a view of live rows is added to a title that starts from a checkpoint, and has all rows that live', async () => {
  const title = await TestTitle.create();
  const before = await title.open({ checkpointEveryBytes: 1 });
  await before.openSession(testTicket, 's', false);
  await commit(before, 1, {
    effects: [insertUnit(1, { health: 0.25 }), insertUnit(2, { health: 0.5 }), insertUnit(3)],
  });
  const gone = { op: 'delete', table: 'unitState', key: { unitId: 3 } } as const;
  await commit(before, 2, { effects: [{ ...gone, expectedVersion: null, require: null }] });
  await title.close(before);
  const files = await readdir(title.directory, { recursive: true });
  expect(files.filter((name) => /checkpoint-\d+\.json$/.test(name))).not.toEqual([]);

  // No checkpoint is passed over: that would be a warning.
  const warnings: unknown[] = [];
  const logger = {
    info: () => {},
    warn: (...warning: unknown[]) => warnings.push(warning),
    error: () => {},
  };
  const engine = await title.open({ manifest: ashfallOfOwners, logger });
  expect(warnings).toEqual([]);
  const shown = () =>
    finish(engine.views.read(testTicket, 'unitsByOwner', null)).rows.map(
      ({ sessionId, ownerId, units, health }) => [sessionId, ownerId, units, health],
    );
  expect(shown()).toEqual([['s', 1, 2n, 0.75]]);
  await commit(engine, 3, { effects: [insertUnit(4, { ownerId: 2, health: 5 })] });
  expect(shown()).toEqual([
    ['s', 1, 2n, 0.75],
    ['s', 2, 1n, 5],
  ]);
});
