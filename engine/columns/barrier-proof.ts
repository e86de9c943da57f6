import { EngineError } from '../model/errors.ts';
import type { ColumnClient } from './client.ts';
import { barred } from './queries/seen-table-sql.ts';
import { quoteName } from './queries/sql-text.ts';

/**
 * Proves on this ClickHouse that a user's expressions run only on rows that a rule lets pass: a table of
 * two regions is seen by one of them, and expressions that fail on rows of the other must not fail. A
 * ClickHouse of another version may optimize otherwise; one that does is not asked by roles with rules.
 * Throws `FORBIDDEN` then. `database` is made for it, and dropped.
 */
export async function proveBarrier(client: ColumnClient, database: string): Promise<void> {
  const name = quoteName(database);
  await client.command(`DROP DATABASE IF EXISTS ${name}`);
  await client.command(`CREATE DATABASE ${name}`);
  try {
    // Wide parts, and a rule on the larger column: what is cheaper to compute is computed first.
    await client.command(
      `CREATE TABLE ${name}.t (id UInt32, region String, secret UInt8) ENGINE = MergeTree ORDER BY id SETTINGS min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0`,
    );
    await client.command(
      `INSERT INTO ${name}.t SELECT number, concat(if(number % 2 = 0, 'eu', 'us'), hex(SHA256(toString(number)))), number % 2 FROM numbers(10000)`,
    );
    const seen = barred(`SELECT id, region, secret FROM ${name}.t WHERE startsWith(region, 'eu')`);
    await client.command(`CREATE VIEW ${name}.seen AS SELECT id, region, secret FROM (${seen})`);
    await Promise.all(attacks.map((attack) => requireHarmless(client, database, attack)));
  } finally {
    await client.command(`DROP DATABASE IF EXISTS ${name}`).catch(() => {});
  }
}

/** Each fails where it meets a row of the other region, and counts 5,000 rows else. */
const attacks: readonly string[] = [
  'SELECT count() FROM seen WHERE throwIf(secret = 1) = 0',
  'SELECT count() FROM seen WHERE intDiv(1, 1 - secret) = 1',
  `SELECT count() FROM seen WHERE toUInt8(if(secret = 1, 'x', '1')) = 1`,
  'SELECT count() FROM seen AS a JOIN seen AS b ON a.id = b.id AND intDiv(1, 1 - a.secret) = intDiv(1, 1 - b.secret)',
  'SELECT countIf(id IN (SELECT id FROM seen WHERE throwIf(secret = 1) = 0)) FROM seen',
  'SELECT sum(n) FROM (SELECT count() AS n FROM seen GROUP BY intDiv(id, 1 - secret))',
  'SELECT count() FROM (SELECT id FROM seen ORDER BY intDiv(id, 1 - secret) LIMIT 1000000)',
];
const rowsSeen = 5_000;

async function requireHarmless(client: ColumnClient, database: string, sql: string): Promise<void> {
  let count: number;
  try {
    const query = { sql, database, author: 'engine', housekeeping: true } as const;
    count = Number((await client.query(query)).rows[0]?.[0]);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw noBarrier(error);
  }
  if (count !== rowsSeen) throw noBarrier(new Error(`${sql} counted ${count} rows`));
}

function noBarrier(cause: unknown): EngineError {
  return new EngineError(
    'FORBIDDEN',
    'this ClickHouse computes what a query asks on rows that a rule filters out; roles with rules for rows have no SQL on it',
    { cause },
  );
}
