import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { and, eq, gte, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { bigint, integer, pgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import type { FromPostgresWeb, ToPostgresWeb } from './transfer-config.ts';

/**
 * What a studio would write without Tickloom: a web server of Node that makes each transfer a
 * serializable transaction of PostgreSQL, tried again where it cannot be serialized. Two updates in
 * order of accounts, so that none waits for another in a ring; no row of the transfer itself, and
 * no id by which it would be known again.
 */
const account = pgTable('account', {
  accountId: integer('account_id').primaryKey(),
  balance: bigint('balance', { mode: 'number' }).notNull(),
});

interface Transfer {
  readonly fromId: number;
  readonly toId: number;
  readonly amount: number;
}

/** Not serializable now, or a ring of locks: the same transaction may succeed later. */
const retriedCodes = new Set(['40001', '40P01']);

async function transfer(db: NodePgDatabase, { fromId, toId, amount }: Transfer): Promise<boolean> {
  const take = { id: fromId, by: -amount };
  const give = { id: toId, by: amount };
  const steps = fromId < toId ? [take, give] : [give, take];
  for (let attempt = 0; ; attempt++) {
    try {
      return await db.transaction(
        async (tx) => {
          for (const { id, by } of steps) {
            const { rowCount } = await tx
              .update(account)
              .set({ balance: sql`${account.balance} + ${by}` })
              .where(and(eq(account.accountId, id), gte(account.balance, -by)));
            if (rowCount === 0) tx.rollback();
          }
          return true;
        },
        { isolationLevel: 'serializable' },
      );
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: { code?: string } };
      if (retriedCodes.has(code ?? cause?.code ?? '')) {
        await sleep(Math.random() * Math.min(50, 2 ** attempt));
        continue;
      }
      if ((error as Error).constructor.name === 'TransactionRollbackError') return false;
      throw error;
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Transfer> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Transfer;
}

async function start({ directory, pool, accounts, balance }: ToPostgresWeb): Promise<number> {
  const connections = new pg.Pool({
    host: directory,
    user: 'bench',
    database: 'postgres',
    max: pool,
  });
  const db = drizzle(connections);
  await connections.query(
    'create table account (account_id integer primary key, balance bigint not null)',
  );
  await connections.query(
    'insert into account select id, $2 from generate_series(0, $1::int - 1) as id',
    [accounts, balance],
  );
  await connections.query('vacuum analyze account');
  const server = createServer((request, response) => {
    bodyOf(request)
      .then((body) => transfer(db, body))
      .then((accepted) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ accepted }));
      })
      .catch((error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const tell = (message: FromPostgresWeb) => process.send?.(message);

process.on('message', (message: ToPostgresWeb) => {
  start(message)
    .then((port) => tell({ kind: 'listening', port }))
    .catch((error: unknown) => tell({ kind: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit());
