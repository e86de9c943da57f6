import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { validateManifest } from '../../engine/manifest/validate.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { commit, insertUnit, TestTitle } from './test-title.ts';

const withView = validateManifest({
  ...ashfall,
  version: ashfall.version + 1,
  views: [
    ...ashfall.views,
    {
      name: 'unitsByOwner',
      kind: 'group',
      from: 'unitState',
      groupBy: ['sessionId', 'ownerId'],
      tickWindow: null,
      columns: [
        { name: 'units', aggregate: { op: 'count' } },
        { name: 'health', aggregate: { op: 'sum', column: 'health' } },
      ],
    },
  ],
});

it('a view of live rows is added to a title that starts from a checkpoint, and has all rows that live', async () => {
  const title = await TestTitle.create();
  const before = await title.open({ checkpointEveryBytes: 1 });
  await before.openSession('s', false);
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
  const engine = await title.open({ manifest: withView, logger });
  expect(warnings).toEqual([]);
  expect(engine.views.rows('unitsByOwner', null).rows).toEqual([
    { sessionId: 's', ownerId: 1, units: 2n, health: 0.75 },
  ]);
  await commit(engine, 3, { effects: [insertUnit(4, { ownerId: 2, health: 5 })] });
  expect(engine.views.rows('unitsByOwner', null).rows).toEqual([
    { sessionId: 's', ownerId: 1, units: 2n, health: 0.75 },
    { sessionId: 's', ownerId: 2, units: 1n, health: 5 },
  ]);
});
