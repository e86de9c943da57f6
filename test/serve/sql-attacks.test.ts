import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ColumnClient } from '../../engine/columns/client.ts';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { limits } from '../../engine/model/limits.ts';
import { shownSql } from '../../resolvers/queries.ts';
import { codeOf, Sandbox } from './sandbox.ts';

/** Stands in files that no answer may hold. */
const canary = 'CANARY-7d1f';
const ask = 'query ($q: String!, $p: JSON) { sql(query: $q, parameters: $p) { rows } }';
const order = 'mutation ($input: CreateExportInput!) { createExport(input: $input) { url } }';

let sandbox: Sandbox;
let data: string;
/** Readable by everybody; only the check of the SQL keeps it closed. */
let open: string;
let written: string;
let port: number;
let connections = 0;
let listener: Server;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'tickloom-attacks-'));
  const columns = join(data, 'columns');
  await makeOtherDatabases(columns);
  sandbox = await Sandbox.start({ dataDir: data });
  await sandbox.openSession('match');
  await sandbox.commit('match', 1);
  open = join(columns, 'scratch', 'open.txt');
  written = join(data, 'written.csv');
  writeFileSync(open, `${canary}\n`, { mode: 0o666 });
  listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  port = (listener.address() as AddressInfo).port;
});
afterAll(async () => {
  listener.close();
  await sandbox.stop();
  rmSync(data, { recursive: true, force: true });
});

/** What another title, or another use of the same cluster, keeps beside this one. */
async function makeOtherDatabases(columns: string): Promise<void> {
  const host = await EmbeddedHost.start(columns, silentLogger);
  const { socketPath, secret } = host;
  const client = new ColumnClient({ kind: 'socket', socketPath, secret });
  await client.command('CREATE DATABASE tickloom_other');
  for (const table of ['tickloom_other.secrets', 'default.secrets']) {
    await client.command(
      `CREATE TABLE ${table} (secret String) ENGINE = MergeTree ORDER BY secret`,
    );
    await client.command(`INSERT INTO ${table} SELECT '${canary}'`);
  }
  await client.close();
  await host.close();
}

/** What no statement may have done, however it was answered. */
function expectNothingReached(answer: unknown): void {
  expect(JSON.stringify(answer)).not.toContain(canary);
  expect(connections).toBe(0);
  expect(existsSync(written)).toBe(false);
}

const separators = [
  '\u2028',
  '\u2029',
  '\u0085',
  '\r',
  '\v',
  '\f',
  '\u001c',
  '\n',
  '\u00a0',
  '\ufeff',
];

/** F: the canary's file; P: a port that listens. */
const attacks: readonly string[] = [
  ...separators.map((separator) => `SELECT file('F') AS \`a${separator}b\``),
  ...separators.map((separator) => `SELECT file('F') AS "a${separator}Literal 1"`),
  ...separators.map((separator) => `SELECT 1 --${separator}, file('F')\n, file('F')`),
  ...separators.map((separator) => `SELECT${separator}file('F')`),
  // functions, by every way of calling them
  "SELECT file('F')",
  "SELECT FILE('F')",
  "SELECT `file`('F')",
  'SELECT "file"(\'F\')',
  "SELECT file/**/('F')",
  "SELECT file --\n('F')",
  "SELECT fi/**/le('F')",
  "SELECT arrayMap(x -> file(x), ['F'])",
  "SELECT arrayMap(file, ['F'])",
  "SELECT arrayMap(`file`, ['F'])",
  "SELECT arrayMap((file), ['F'])",
  "SELECT arrayMap(file, ['F']), (SELECT 1 AS file)",
  "SELECT arraySort(file, ['F'])",
  "SELECT arrayFilter(file, ['F'])",
  "SELECT arrayJoin(arrayMap(file, ['F']))",
  "SELECT mapApply(file, map('F', 'F'))",
  "SELECT x FROM (SELECT 1) ARRAY JOIN arrayMap(file, ['F']) AS x",
  "SELECT * APPLY(file) FROM (SELECT 'F' AS f)",
  "SELECT * APPLY file FROM (SELECT 'F' AS f)",
  "SELECT * APPLY(x -> file(x)) FROM (SELECT 'F' AS f)",
  "SELECT * REPLACE(file('F') AS tick) FROM actionLog",
  "SELECT COLUMNS('tick') REPLACE(file('F') AS tick) FROM actionLog",
  "WITH (SELECT file('F')) AS x SELECT x",
  "WITH x AS (SELECT file('F') AS f) SELECT * FROM x",
  "WITH RECURSIVE x AS (SELECT file('F') AS f UNION ALL SELECT f FROM x) SELECT * FROM x",
  "SELECT (SELECT file('F'))",
  "SELECT 1 WHERE file('F') != ''",
  "SELECT 1 ORDER BY file('F')",
  "SELECT 1 GROUP BY file('F')",
  "SELECT 1 LIMIT length(file('F'))",
  "SELECT 1 HAVING throwIf(1, file('F'))",
  "SELECT throwIf(1, file('F'))",
  "SELECT CAST(file('F') AS UInt8)",
  "SELECT file('F')::UInt8",
  "SELECT sum(1) OVER (PARTITION BY file('F'))",
  "SELECT sum(1) OVER w WINDOW w AS (ORDER BY file('F'))",
  "SELECT 1 UNION ALL SELECT file('F')",
  "(SELECT file('F'))",
  "SELECT 1 IN (SELECT file('F'))",
  "SELECT 'x' IN file('F', 'LineAsString')",
  "SELECT if(1, file('F'), '')",
  "SELECT CASE WHEN 1 THEN file('F') END",
  "SELECT a FROM actionLog ARRAY JOIN [file('F')] AS a",
  "SELECT 1 FROM actionLog a JOIN actionLog b ON a.tick = b.tick AND file('F') != ''",
  "SELECT joinGet('actionLog', 'tick', 1)",
  "SELECT dictGet('d', 'a', 1)",
  "SELECT catboostEvaluate('F', 1)",
  'SELECT evalMLMethod(1, 2)',
  "SELECT getSetting('max_threads')",
  'SELECT currentUser()',
  'SELECT version()',
  'SELECT currentDatabase()',
  'SELECT hostName()',
  'SELECT sleep(1)',
  "SELECT arrayReduce('aggThrow', [1])",
  "SELECT initializeAggregation('sum', 1)",
  "SELECT finalizeAggregation(CAST('x', 'AggregateFunction(sum, UInt64)'))",
  "SELECT CAST('x', 'AggregateFunction(sum, UInt64)')",
  "SELECT CAST('x', concat('Aggregate', 'Function(sum, UInt64)'))",
  "SELECT JSONExtract('{}', 'a', 'AggregateFunction(sum, UInt64)')",
  "SELECT 'x'::AggregateFunction(sum, UInt64)",
  'SELECT sumState(1)',
  // sources
  "SELECT * FROM file('F', 'LineAsString')",
  "SELECT * FROM \"file\"('F', 'LineAsString')",
  "SELECT * FROM view(SELECT file('F'))",
  "SELECT * FROM (SELECT * FROM (SELECT * FROM file('F', 'LineAsString')))",
  "SELECT * FROM merge('system', '.*')",
  "SELECT * FROM merge('.*')",
  "SELECT * FROM remote('127.0.0.1:P', 'system.one')",
  "SELECT * FROM cluster('default', 'system.one')",
  "SELECT * FROM url('http://127.0.0.1:P/', 'LineAsString')",
  "SELECT * FROM s3('http://127.0.0.1:P/x', 'CSV')",
  "SELECT * FROM mysql('127.0.0.1:P', 'a', 'b', 'c', 'd')",
  "SELECT * FROM postgresql('127.0.0.1:P', 'a', 'b', 'c', 'd')",
  "SELECT * FROM sqlite('F', 't')",
  "SELECT * FROM executable('id', 'TSV', 'a String')",
  "SELECT * FROM input('a String')",
  "SELECT * FROM dictionary('d')",
  "SELECT * FROM format('CSV', '1')",
  'SELECT * FROM loop(system.tables)',
  "SELECT * FROM python('x')",
  'SELECT arrayMap(x -> secret, [1]) FROM tickloom_other.secrets',
  'SELECT 1 IN (SELECT secret FROM default.secrets)',
  'SELECT secret IN tickloom_other.secrets FROM default.secrets',
  'SELECT * FROM actionLog JOIN default.secrets ON 1',
  'SELECT throwIf(1, (SELECT any(secret) FROM tickloom_other.secrets))',
  'SELECT toUInt8((SELECT any(secret) FROM tickloom_other.secrets))',
  'SELECT * FROM numbers(1) SETTINGS max_threads = 1',
  "SELECT * FROM values('a AggregateFunction(sum, UInt64)', ('x'))",
  // other databases and the server's own
  'SELECT * FROM system.tables',
  'SELECT * FROM `system`.`tables`',
  'SELECT * FROM SYSTEM.tables',
  'SELECT * FROM system . tables',
  'SELECT * FROM system/**/.tables',
  'SELECT * FROM `system.tables`',
  'SELECT system.tables.name FROM system.tables',
  'SELECT * FROM actionLog, system.tables',
  'SELECT * FROM actionLog AS system JOIN system.tables ON 1',
  'SELECT 1 IN system.one',
  'SELECT (system.one) AS q, 0 IN q',
  'SELECT in(0, system.one)',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM tickloom_other.secrets',
  'SELECT * FROM default.secrets',
  'SELECT default.secrets AS q, 1 IN q FROM actionLog AS default',
  'SELECT 1 IN default.secrets',
  'SELECT * FROM _shipped',
  'SELECT 1 IN _shipped',
  'SELECT * FROM {t:Identifier}',
  'SELECT * FROM {t:Identifier}.tables',
  'SELECT {t:Identifier}',
  // anything but one SELECT
  "SELECT 1 INTO OUTFILE 'W'",
  "SELECT 1 INTO OUTFILE 'W' FORMAT CSV",
  "INSERT INTO FUNCTION file('W', 'CSV') SELECT 1",
  'SELECT 1 FORMAT CSV',
  'SELECT 1 SETTINGS readonly = 0',
  'SELECT * FROM (SELECT 1 SETTINGS max_threads = 2)',
  'SELECT 1; SELECT 2',
  'SELECT * FROM (EXPLAIN SELECT 1)',
  "SELECT * FROM (EXPLAIN AST SELECT file('F'))",
  'EXPLAIN SELECT 1',
  'DESCRIBE actionLog',
  'describe actionLog',
  'SHOW TABLES',
  'EXISTS TABLE actionLog',
  "CREATE TABLE x ENGINE = File(CSV, 'W') AS SELECT 1",
  'WITH x AS (SELECT 1) INSERT INTO y SELECT 1',
  // lexers
  "SELECT $$file('F')$$",
  "SELECT $a$ $a$, file('F')",
  "SELECT '\\', file('F') --'",
  "SELECT '\\'', file('F') --'",
  'SELECT "a\\", file(\'F\') --"',
  "SELECT `a\\`, file('F') --`",
  "SELECT 1 /* /* */ , file('F') /* */ */",
  "SELECT 1 /* , file('F')",
  "SELECT 'open",
  'SELECT 1 # comment',
  'SELECT @@version',
  'SELECT 1\u0000',
  "SELECT '\u0000'",
  'SELECT ｆｉｌｅ(1)',
  'SELECT ﬁle(1)',
  'SELECT 1\ud800',
];

describe('SQL of an analyst', () => {
  test.each(attacks)('does not get through with %j', async (attack) => {
    const q = attack
      .replaceAll("'F", `'${open}`)
      .replaceAll('W', written)
      .replaceAll(':P', `:${port}`);
    const answer = await sandbox.ask('analyst', ask, { q, p: { t: 'system' } });
    expectNothingReached(answer);
    expect([codeOf(answer), q]).toEqual(['BAD_USER_INPUT', q]);
    const ordered = await sandbox.ask('analyst', order, {
      input: { sql: q, parameters: { t: 'system' } },
    });
    expectNothingReached(ordered);
    expect(codeOf(ordered)).toBe('BAD_USER_INPUT');
  });

  test('is told what is refused and where', async () => {
    const answer = await sandbox.ask('analyst', ask, {
      q: "SELECT tick,\n  file('x') FROM actionLog",
    });
    expect(answer.errors?.[0]?.message).toMatch(/function file cannot be used.*line 2, column 3/);
    expect(answer.errors?.[0]?.extensions.details).toMatchObject({ line: 2, column: 3 });
    const described = await sandbox.ask('analyst', ask, { q: 'describe actionLog' });
    expect(described.errors?.[0]?.message).toMatch(/only one SELECT is possible/);
  });

  test('is bounded in its text and in its answer', async () => {
    const long = `SELECT '${'x'.repeat(limits.sqlTextBytesMax)}'`;
    expect(codeOf(await sandbox.ask('analyst', ask, { q: long }))).toBe('LIMIT_EXCEEDED');
    const input = { sql: long };
    expect(codeOf(await sandbox.ask('analyst', order, { input }))).toBe('LIMIT_EXCEEDED');
    const many = `SELECT ${'1,'.repeat(limits.sqlTokensMax / 2)}1`;
    expect(codeOf(await sandbox.ask('analyst', ask, { q: many }))).toBe('LIMIT_EXCEEDED');
    const large = `SELECT repeat('x', ${Math.ceil(limits.columnsAnswerBytesMax / 1_000)}) FROM numbers(1000)`;
    const q = 'query ($q: String!) { sql(query: $q, first: 1000) { rows } }';
    const answer = await sandbox.ask('analyst', q, { q: large });
    expect(codeOf(answer)).toBe('LIMIT_EXCEEDED');
    expect(answer.errors?.[0]?.message).toMatch(/fewer rows or columns, or order an export/);
  });

  test('is shown with its start where it is long', () => {
    expect(shownSql('SELECT 1')).toBe('SELECT 1');
    const shown = shownSql(`SELECT ${'1 + '.repeat(1_000)}1`);
    expect(shown).toMatch(/^SELECT 1 \+ .*… \(4008 characters\)$/);
    expect(shown.length).toBeLessThan(limits.sqlShownLengthMax + 30);
  });

  test('takes a list of values as a parameter', async () => {
    const q = 'SELECT DISTINCT tick FROM actionLog WHERE tick IN {ticks:Array(UInt32)}';
    const answer = await sandbox.ask('analyst', ask, { q, p: { ticks: [1, 5] } });
    expect(answer.data).toEqual({ sql: { rows: [[1]] } });
  });

  test('is checked when an export of it is ordered', async () => {
    for (const sql of [
      'SELECT playr FROM actionLog',
      'SELECT 1 FROM nothing',
      'SELECT {a:UInt8}',
    ]) {
      expect(codeOf(await sandbox.ask('analyst', order, { input: { sql } }))).toBe(
        'BAD_USER_INPUT',
      );
    }
    const input = { sql: 'SELECT tick FROM actionLog', asOf: { position: '0:1' } };
    const answer = await sandbox.ask('analyst', order, { input });
    expect(answer.errors?.[0]?.message).toMatch(/input.asOf: goes with a table/);
  });

  test.each([
    ['UInt8', 300],
    ['UInt8', -1],
    ['Int16', 40_000],
    ['UInt64', '18446744073709551616'],
    ['Array(UInt8)', [1, 256]],
    ['Nullable(Int8)', 128],
    ['Date', '2026-02-30'],
    ['Date', '2300-01-01'],
    ['DateTime', '2026-13-01 00:00:00'],
    ['UInt8', '1.5'],
    ['UInt8', null],
  ])('refuses a parameter of %s that does not fit it: %j', async (type, value) => {
    const answer = await sandbox.ask('analyst', ask, { q: `SELECT {x:${type}}`, p: { x: value } });
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(answer.errors?.[0]?.message).toContain('"x"');
  });

  test('holds whatever random statements do', async () => {
    await fc.assert(
      fc.asyncProperty(statements(), async (q) => {
        expectNothingReached(await sandbox.ask('analyst', ask, { q }));
      }),
      { numRuns: Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 150) },
    );
    expect(readFileSync(open, 'utf8')).toContain(canary);
  });
});

/** Statements of the grammar with a reach for the canary, a socket or another database in any place. */
function statements(): fc.Arbitrary<string> {
  const reach = fc
    .constantFrom(
      "file('F')",
      "`file`('F')",
      "FILE ('F')",
      "file/* */('F')",
      "throwIf(1, file('F'))",
      "(SELECT * FROM file('F', 'LineAsString', 'a String'))",
      "(SELECT a FROM file('F', 'LineAsString', 'a String') LIMIT 1)",
      "(SELECT * FROM url('http://127.0.0.1:P/', 'LineAsString', 'a String'))",
      "(SELECT * FROM remote('127.0.0.1:P', 'system.one'))",
      "['F']",
      '(SELECT secret FROM tickloom_other.secrets)',
      'tickloom_other.secrets',
      'default.secrets',
      '(SELECT * FROM default.secrets)',
      '(SELECT name FROM system.tables LIMIT 1)',
      'system.one',
    )
    .map((text) => text.replaceAll("'F", `'${open}`).replaceAll(':P', `:${port}`));
  const noise = fc.constantFrom(
    '',
    ' ',
    '\n',
    '/**/',
    '--\n',
    '--\u2028\n',
    '\u2028',
    '\r',
    '\u0085',
  );
  const name = fc.constantFrom(
    'file',
    'tick',
    'a.tick',
    '`tick`',
    '"a b"',
    'x',
    'actionLog.tick',
    '`a\u2028b`',
  );
  const leaf = fc.oneof(
    { weight: 2, arbitrary: reach },
    fc.constantFrom('1', "'text'", "'\\''", "'''; --'", 'NULL', '[1, 2]', '(1, 2)', '*', 'count()'),
    name,
  );
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc
        .tuple(
          tie('expression'),
          noise,
          fc.constantFrom('+', 'IN', 'AND', '=', '||', '->', '::', '.'),
          noise,
          tie('expression'),
        )
        .map((parts) => parts.join(' ')),
      fc
        .tuple(
          fc.constantFrom(
            'toString',
            'arrayMap',
            'arrayFilter',
            'mapApply',
            'if',
            'length',
            'sum',
            'any',
            'CAST',
            'in',
            'materialize',
            'ignore',
          ),
          noise,
          tie('expression'),
          tie('expression'),
        )
        .map(([f, n, a, b]) => `${f}${n}(${a}, ${b})`),
      fc
        .tuple(fc.constantFrom('toString', 'sum', 'max', 'length'), tie('expression'))
        .map(([f, a]) => `${f}(${a})`),
      tie('expression').map((a) => `(${a})`),
      tie('expression').map((a) => `(x -> ${a})`),
      tie('expression').map((a) => `(SELECT ${a})`),
      fc.tuple(tie('expression'), name).map(([a, b]) => `${a} AS ${b}`),
      fc
        .tuple(tie('expression'), tie('expression'))
        .map(([a, b]) => `CASE WHEN ${a} THEN ${b} END`),
      tie('expression').map((a) => `* APPLY(${a})`),
      fc.tuple(tie('expression'), name).map(([a, b]) => `* REPLACE(${a} AS ${b})`),
      tie('expression').map((a) => `sum(1) OVER (PARTITION BY ${a})`),
    ),
  }));
  const source = fc.oneof(
    fc.constantFrom(
      'actionLog',
      'actionLog AS a',
      'numbers(3)',
      '(SELECT 1 AS tick) AS a',
      'unitState',
    ),
    reach,
  );
  const clause = fc.oneof(
    fc
      .tuple(
        fc.constantFrom(
          'WHERE',
          'GROUP BY',
          'ORDER BY',
          'HAVING',
          'LIMIT',
          'PREWHERE',
          'QUALIFY',
          'ARRAY JOIN',
          'UNION ALL SELECT',
        ),
        expression,
      )
      .map((parts) => parts.join(' ')),
    fc.tuple(source, expression).map(([s, e]) => `JOIN ${s} ON ${e}`),
    fc.constantFrom('', 'SETTINGS max_threads = 1', 'FORMAT CSV', '; SELECT 1'),
  );
  return fc
    .tuple(
      fc.option(expression, { nil: null }),
      fc.array(expression, { minLength: 1, maxLength: 3 }),
      noise,
      fc.option(source, { nil: null }),
      fc.array(clause, { maxLength: 2 }),
    )
    .map(([first, columns, space, from, clauses]) =>
      [
        first === null ? '' : `WITH ${first} AS w`,
        `SELECT${space} ${columns.join(`,${space}`)}`,
        from === null ? '' : `FROM ${from}`,
        ...clauses,
      ].join(' '),
    );
}
