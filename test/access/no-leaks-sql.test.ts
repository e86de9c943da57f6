import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../budget.ts';
import { codeOf } from '../serve/sandbox.ts';
import {
  ask,
  fieldOf,
  position,
  toldByBoth,
  useTwoWorlds,
  type World,
  worlds,
} from './two-worlds.ts';

useTwoWorlds();

/** Rows of a role that sees rows, columns and texts in part; what it reads and costs must not differ. */
async function sql(query: string, parameters: object = {}) {
  const answer = await toldByBoth(
    'agent',
    `query ($query: String!, $parameters: JSON, $position: Position) {
      sql(query: $query, parameters: $parameters, first: 20, minPosition: $position) { columns { name } rows truncated } }`,
    { query, parameters, position },
  );
  return { code: codeOf(answer), rows: (answer.data?.sql as { rows: unknown[] } | null)?.rows };
}

describe('SQL', () => {
  test('reads the rows and columns that the role sees, as the typed fields answer them', async () => {
    const { rows } = await sql('SELECT ownerId, weight, note FROM chats ORDER BY weight');
    expect(rows).toEqual([
      [1, 1, null],
      [1, 2, null],
      [1, 3, null],
    ]);
    for (const world of worlds) {
      const listed = fieldOf<{ nodes: { name: string }[] }>(
        await ask(
          world,
          'agent',
          'query ($position: Position) { chatsList(minPosition: $position) { nodes { name } } }',
          { position },
        ),
        'chatsList',
      );
      const told = fieldOf<{ rows: [string][] }>(
        await ask(world, 'agent', '{ sql(query: "SELECT name FROM chats ORDER BY seq") { rows } }'),
        'sql',
      );
      expect(told.rows.map(([name]) => ({ name }))).toEqual(listed.nodes);
      expect(told.rows[0]?.[0]).toMatch(/^[\w-]{22}$/);
    }
  });

  test.each([
    'SELECT count(), sum(weight), uniqExact(note) FROM chats',
    'SELECT * EXCEPT (name, committedAt, actionId) FROM chats ORDER BY weight',
    'SELECT throwIf(weight = 0) FROM chats',
    'SELECT count() FROM chats WHERE intDiv(1, weight) = 1',
    'SELECT throwIf(count() > 3) FROM chats',
    'SELECT max(seq) - min(seq), count() FROM chats',
    "SELECT count() FROM chats WHERE toUInt8(if(weight = 0, 'x', '1')) = 1",
    'SELECT rowNumberInBlock() FROM chats',
    'SELECT * FROM chat',
    'SELECT unitIdd FROM units',
    'SELECT secret FROM chats',
    'SELECT chats.secret FROM chats',
    'SELECT * FROM orders',
    'SELECT * FROM units_history WHERE throwIf(ownerId != 1) = 0 ORDER BY unitId LIMIT 0',
    'SELECT _part FROM chats',
    "SELECT count() FROM chats WHERE name LIKE 'unit%'",
    'SELECT u.unitId, c.weight FROM units AS u JOIN chats AS c ON c.ownerId = u.ownerId ORDER BY ALL',
    'SELECT throwIf(name != note) FROM chats',
  ])('tells nothing of the rest: %s', async (query) => {
    await sql(query);
  });

  test('names what a role may not see as a typed field would', async () => {
    for (const query of [
      'SELECT secret FROM chats',
      'SELECT `secret` FROM units',
      'SELECT plan FROM orders',
      'SELECT 1 FROM orders',
    ]) {
      expect((await sql(query)).code, query).toBe('FORBIDDEN');
    }
    expect((await sql('SELECT 1 FROM nothing')).code).toBe('BAD_USER_INPUT');
  });

  test('tells nothing by what ClickHouse calls a subquery in its errors', async () => {
    const { code } = await sql(
      'SELECT max(intDiv(6, weight)) FROM chats WHERE 1 AND weight IN (SELECT weight FROM chats WHERE throwIf(weight = 0) = 0) AND arrayElement([name], toInt8(weight)) = 1',
    );
    expect(code).toBe('BAD_USER_INPUT');
  });

  test('tells nothing by any expression that it can think of', async () => {
    const column = fc.constantFrom('weight', 'ownerId', 'seq', 'tick', 'name', 'note', 'secret');
    const condition = fc.oneof(
      fc.tuple(column, fc.integer({ min: -1, max: 4 })).map(([a, n]) => `${a} = ${n}`),
      column.map((a) => `throwIf(${a} = 0) = 0`),
      column.map((a) => `intDiv(10, toInt64(${a})) > 1`),
      column.map((a) => `isNull(${a})`),
      fc.tuple(column, column).map(([a, b]) => `arrayElement([${a}], toInt8(${b})) = 1`),
      fc
        .tuple(column, column)
        .map(([a, b]) => `${a} IN (SELECT ${b} FROM chats WHERE throwIf(weight = 0) = 0)`),
    );
    const selected = fc.oneof(
      fc.constant('count()'),
      column.map((a) => `uniqExact(${a}), any(isNull(${a}))`),
      column.map((a) => `max(intDiv(6, ${a}))`),
      column.map((a) => `countIf(throwIf(${a} = 0) = 0)`),
    );
    await fc.assert(
      fc.asyncProperty(selected, fc.array(condition, { maxLength: 3 }), async (what, all) => {
        await sql(`SELECT ${what} FROM chats WHERE ${['1', ...all].join(' AND ')}`);
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('exports', () => {
  async function exported(world: World, input: object) {
    const answer = await ask(
      world,
      'agent',
      'mutation ($input: CreateExportInput!) { createExport(input: $input) { url } }',
      { input },
    );
    const { url } = fieldOf<{ url: string }>(answer, 'createExport');
    const response = await fetch(url);
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  }
  const rowsOf = (content: Buffer) =>
    tableFromIPC(content)
      .toArray()
      .map((row) => row.toJSON() as Record<string, unknown>);

  test.each([
    ['a table', { table: 'chats' }],
    ['SQL', { sql: 'SELECT * FROM chats ORDER BY seq' }],
  ])('of %s have the rows by claim, and the columns as lists answer them', async (_what, input) => {
    for (const world of worlds) {
      const rows = rowsOf(await exported(world, input));
      expect(rows.map(({ weight, note }) => [weight, note])).toEqual([
        [1, null],
        [2, null],
        [3, null],
      ]);
      expect(rows.some((row) => 'secret' in row)).toBe(false);
      const { nodes } = fieldOf<{ nodes: { name: string }[] }>(
        await ask(world, 'agent', '{ chatsList { nodes { name } } }'),
        'chatsList',
      );
      expect(rows.map(({ name }) => ({ name }))).toEqual(nodes);
    }
  });

  test.each(['ARROW_FILE', 'PARQUET'] as const)('are such in the format %s too', async (format) => {
    for (const world of worlds) {
      const content = (await exported(world, { table: 'chats', format })).toString('latin1');
      expect(content).not.toMatch(/note \d|secret|unit \d/);
      expect(content).toMatch(/[\w-]{22}/);
    }
  });

  test('since a position have those columns too, of rows that are there and of those that are gone', async () => {
    for (const world of worlds) {
      const input = { table: 'units', sincePosition: '0:0', compression: 'LZ4' };
      const answer = await ask(
        world,
        'agent',
        'mutation ($input: CreateExportInput!) { createExport(input: $input) { url } }',
        { input: { ...input, compression: 'NONE' } },
      );
      const { url } = fieldOf<{ url: string }>(answer, 'createExport');
      const rows = rowsOf(Buffer.from(await (await fetch(url)).arrayBuffer()));
      expect(rows.map(({ ownerId, note }) => [ownerId, note])).toEqual(Array(4).fill([1, null]));
      for (const { name } of rows) expect(name).toMatch(/^[\w-]{22}$/);
    }
  });

  test('tell nothing of the rest by their refusals', async () => {
    for (const input of [
      { table: 'chats', columns: ['secret'] },
      { table: 'chats', columns: ['nothing'] },
      { table: 'orders' },
      { table: 'chats', where: { secret: { isNull: true } } },
      { table: 'chats', where: { name: { like: 'unit%' } } },
      { sql: 'SELECT secret FROM chats' },
      { sql: 'SELECT secrets FROM chats' },
      { sql: 'SELECT 1 FROM orders' },
      { sql: 'SELECT throwIf(weight = 0) FROM chats' },
    ]) {
      await toldByBoth(
        'agent',
        'mutation ($input: CreateExportInput!) { createExport(input: $input) { state } }',
        { input },
      );
    }
  });
});
