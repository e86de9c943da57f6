import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseManifest } from '../../engine/manifest/manifest-json.ts';
import type { TableDefinition, TitleManifest } from '../../engine/model/types.ts';
import { fitManifest } from '../../engine/recover/kept-manifest.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { columnOf } from '../intake/any-column.ts';

async function keepManifest(directory: string, manifest: TitleManifest): Promise<void> {
  await (await fitManifest(directory, manifest)).keep();
}

async function kept(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-manifest-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await keepManifest(join(directory, 'title'), ashfall);
  return join(directory, 'title');
}

function changed(
  table: string,
  change: (table: TableDefinition) => TableDefinition | null,
): TitleManifest {
  const tables = ashfall.tables.flatMap((one) => {
    return one.name === table ? (change(one) ?? []) : [one];
  });
  return { ...ashfall, tables };
}

const withColumns = (change: (columns: TableDefinition['columns']) => TableDefinition['columns']) =>
  changed('unitState', (table) => ({ ...table, columns: change(table.columns) }));

describe('the manifest beside the log', () => {
  it('may gain tables, optional columns, enum values and indexes, and lose views and roles', async () => {
    const directory = await kept();
    const tables = ashfall.tables.map((table) => ({
      ...table,
      columns: [
        ...table.columns.map((column) =>
          column.kind === 'enum' ? { ...column, values: [...column.values, 'MORE'] } : column,
        ),
        columnOf('mood', 'string', { optional: true }),
      ],
      indexes: [],
    }));
    const more = { name: 'extra', kind: 'event' as const, columns: [], key: [], indexes: [] };
    const later: TitleManifest = {
      ...ashfall,
      version: 2,
      tables: [...tables, { ...more, columns: [columnOf('n', 'u32')] }],
      views: [],
      roles: [],
    };
    await fitManifest(directory, later);
    // Looked at, and not kept yet.
    await keepManifest(directory, ashfall);
    await keepManifest(directory, later);
    expect(await readdir(directory)).toEqual(['manifest.json']);
    // And not back: ticks may have been logged that only the later one can read.
    await expect(keepManifest(directory, ashfall)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
    });
  });

  const refusals: readonly (readonly [string, TitleManifest, RegExp])[] = [
    ['a table is gone', changed('matchMetrics', () => null), /matchMetrics is gone/],
    [
      'a column is gone',
      withColumns((columns) => columns.slice(0, -1)),
      /: column unitState\.health is gone$/,
    ],
    [
      'columns changed places',
      withColumns((columns) => [...columns].reverse()),
      /unitState\.sessionId moved/,
    ],
    [
      'one column changed its place',
      withColumns(([first, ...others]) => [...others, first as TableDefinition['columns'][number]]),
      /: column unitState\.sessionId moved among the columns of its table$/,
    ],
    [
      'a new column stands before older ones',
      withColumns(([first, ...others]) => [
        first as TableDefinition['columns'][number],
        columnOf('mood', 'u32', { optional: true }),
        ...others,
      ]),
      /: new column unitState\.mood stands before unitId, which was there before it: a new column comes last in its table$/,
    ],
    [
      'a column was named anew',
      withColumns((columns) =>
        columns.map((c) => (c.name === 'health' ? { ...c, name: 'hitPoints' } : c)),
      ),
      /: column unitState\.health is gone$/,
    ],
    [
      'a new value of an enum stands before older ones',
      changed('resourceLedger', (table) => ({
        ...table,
        columns: table.columns.map((c) =>
          c.name === 'resource' ? { ...c, values: ['CRYSTAL', ...c.values] } : c,
        ),
      })),
      /: new value CRYSTAL of column resourceLedger\.resource stands before MASS, which was there before it: a new value comes last$/,
    ],
    [
      'values of an enum changed places',
      changed('resourceLedger', (table) => ({
        ...table,
        columns: table.columns.map((c) =>
          c.name === 'resource' ? { ...c, values: [...c.values].reverse() } : c,
        ),
      })),
      /: value \w+ of column resourceLedger\.resource moved among its values$/,
    ],
    [
      'a column may be left out no more',
      withColumns((columns) =>
        columns.map((c) => (c.name === 'health' ? { ...c, optional: false } : c)),
      ),
      /: column unitState\.health is no longer optional$/,
    ],
    [
      'a column changed its type',
      withColumns((columns) =>
        columns.map((c) => (c.name === 'health' ? { ...c, kind: 'f64' as const } : c)),
      ),
      /: column unitState\.health changed its type, from f32 to f64$/,
    ],
    [
      'a new column is not optional',
      withColumns((columns) => [...columns, columnOf('mood', 'u32')]),
      /unitState\.mood is not optional/,
    ],
    [
      'a key changed',
      changed('unitState', (table) => ({ ...table, key: ['sessionId', 'ownerId'] })),
      /: table unitState changed its key, from \(sessionId, unitId\) to \(sessionId, ownerId\)$/,
    ],
  ];
  for (const [name, manifest, message] of refusals) {
    it(`refuses one under which ${name}`, async () => {
      const directory = await kept();
      await expect(keepManifest(directory, manifest)).rejects.toMatchObject({
        code: 'MIGRATION_REFUSED',
        message: expect.stringMatching(message),
      });
      await keepManifest(directory, ashfall);
    });
  }

  it('may gain, change and lose descriptions, and nothing else has to be new', async () => {
    const directory = await kept();
    const describe = (description: string): TitleManifest => ({
      ...ashfall,
      tables: ashfall.tables.map((table) => ({
        ...table,
        description,
        columns: table.columns.map((column) => ({ ...column, description })),
      })),
      views: ashfall.views.map((view) => ({ ...view, description })),
      roles: ashfall.roles.map((role) => ({ ...role, description })),
    });
    for (const manifest of [describe('One.'), describe('Another.'), ashfall]) {
      await keepManifest(directory, manifest);
      const text = await readFile(join(directory, 'manifest.json'), 'utf8');
      expect(parseManifest(text)).toEqual(manifest);
    }
  });

  it('is not disturbed by what an interrupted replacement left', async () => {
    const directory = await kept();
    await writeFile(join(directory, 'manifest.json.new'), '{"half');
    await keepManifest(directory, { ...ashfall, version: ashfall.version + 1 });
    expect(await readdir(directory)).toEqual(['manifest.json']);
  });
});
