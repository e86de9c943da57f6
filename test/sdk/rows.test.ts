import { RecordBatchStreamWriter, tableFromArrays } from 'apache-arrow';
import { afterEach, expect, it } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { data, type Script, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
afterEach(() => server.close());

async function clientOf(script: Script) {
  server = await ScriptedServer.start(script);
  return new AshfallClient({ url: server.url, token: 'secret', retry: { baseMs: 1, maxMs: 2 } });
}

const key = { sessionId: 'm1', playerId: 3, resource: 'MASS' } as const;

/** One wallet, swapped by the rules; `rivals` write before each of the first swaps. */
function walletServer(rivals: number): Script {
  let wallet = {
    ...key,
    balance: 100,
    version: 1,
    position: '0:1',
    committedAt: '2026-01-31T12:00:00Z',
  };
  let lsn = 1;
  return ({ operation, variables }) => {
    if (operation === 'PlayerWallet') return data({ playerWallet: { ...wallet } }, `0:${lsn}`);
    if (rivals > 0) {
      rivals -= 1;
      wallet = { ...wallet, balance: wallet.balance + 1000, version: wallet.version + 1 };
    }
    const input = variables.input as { expectedVersion: number; set: object };
    const applied = input.expectedVersion === wallet.version;
    if (applied) wallet = { ...wallet, ...input.set, version: wallet.version + 1 };
    lsn += 1;
    const position = `0:${lsn}`;
    const conflict = {
      code: 'VERSION_MISMATCH',
      effect: 0,
      table: 'playerWallet',
      key,
      expectedVersion: input.expectedVersion,
      actualVersion: wallet.version,
      lastWriter: null,
      message: 'beaten',
    };
    const result = { position, row: { ...wallet }, conflict: applied ? null : conflict };
    return data({ compareAndSetPlayerWallet: result });
  };
}

it('reads, modifies and swaps again while somebody else wins', async () => {
  const client = await clientOf(walletServer(3));
  const result = await client.playerWallet.retryOnConflict(key, (wallet) => ({
    balance: wallet.balance - 30,
  }));
  expect(result).toMatchObject({ applied: true, row: { balance: 3070, version: 5 } });
  const reads = server.requests.filter(({ operation }) => operation === 'PlayerWallet');
  // Each read demands the position of the swap before, so that it sees what won.
  expect(reads.map((read) => read.headers['x-tickloom-read-after'])).toEqual([
    undefined,
    '0:2',
    '0:3',
    '0:4',
  ]);
});

it('returns the last conflict when others win too often', async () => {
  const client = await clientOf(walletServer(100));
  const result = await client.playerWallet.retryOnConflict(key, () => ({ balance: 0 }), {
    attemptsMax: 3,
  });
  expect(result).toMatchObject({ applied: false, conflict: { code: 'VERSION_MISMATCH' } });
});

it('leaves the row alone when modify gives up', async () => {
  const client = await clientOf(walletServer(0));
  const result = await client.playerWallet.retryOnConflict(key, (wallet) =>
    wallet.balance < 500 ? null : { balance: wallet.balance - 500 },
  );
  expect(result).toBeNull();
  expect(server.requests.map(({ operation }) => operation)).toEqual(['PlayerWallet']);
});

it('says NOT_FOUND when there is no row to swap', async () => {
  const client = await clientOf(() => data({ playerWallet: null }));
  await expect(
    client.playerWallet.retryOnConflict(key, () => ({ balance: 1 })),
  ).rejects.toMatchObject({ code: 'NOT_FOUND', details: { key } });
});

it('follows the cursors of pages until the last', async () => {
  const pages: Record<string, { ticks: number[]; next: string | null }> = {
    '': { ticks: [1, 2], next: 'a' },
    a: { ticks: [3], next: 'b' },
    b: { ticks: [], next: null },
  };
  const client = await clientOf(({ variables }) => {
    const page = pages[String(variables.after ?? '')];
    const nodes = page?.ticks.map((tick) => ({ tick }));
    const pageInfo = { hasNextPage: page?.next !== null, endCursor: page?.next };
    return data({ actionLogList: { nodes, pageInfo } });
  });
  const ticks: number[] = [];
  for await (const row of client.actionLog.rows({ columns: ['tick'] })) ticks.push(row.tick);
  expect(ticks).toEqual([1, 2, 3]);
});

it('gives groups exactly what was asked, in the types of the columns', async () => {
  const node = {
    key: { kind: 'MOVE', tickBucket: 600 },
    count: '12',
    sum: { playerId: 7, x: 1.5 },
    max: { committedAt: '2026-01-31T12:00:00.000Z' },
    countDistinct: { playerId: '3' },
    quantile0: { x: 4 },
    quantile1: { x: null, y: 2 },
  };
  const client = await clientOf(() =>
    data({ actionLogGroups: { nodes: [node], coveredPosition: '0:4' } }),
  );
  const answer = await client.actionLog.groups({
    by: ['kind'],
    tickBucket: 600,
    sum: ['playerId', 'x'],
    max: ['committedAt'],
    min: [],
    countDistinct: ['playerId'],
    quantiles: { median: { q: 0.5, of: ['x'] }, tail: { q: 0.99, of: ['x', 'y'] } },
  });
  expect(answer).toEqual({
    coveredPosition: '0:4',
    groups: [
      {
        key: { kind: 'MOVE', tickBucket: 600 },
        count: 12,
        sum: { playerId: 7n, x: 1.5 },
        max: { committedAt: new Date('2026-01-31T12:00:00.000Z') },
        min: {},
        countDistinct: { playerId: 3 },
        quantiles: { median: { x: 4 }, tail: { x: null, y: 2 } },
      },
    ],
  });
  expect(client.position).toBe('0:4');
});

const link = {
  id: 'e1',
  url: '/ashfall/exports/e1?expires=9&signature=s',
  expiresAt: '2026-01-31T12:00:00.000Z',
  state: 'READY',
  position: '0:4',
  rows: null,
  bytes: '99',
  format: 'ARROW_STREAM',
};

it('opens an export as one table and as a stream of batches', async () => {
  const batches = [0, 1, 2].map((i) => tableFromArrays({ tick: Int32Array.of(i, i + 10) }));
  const writer = RecordBatchStreamWriter.writeAll(batches.flatMap((table) => table.batches));
  const bytes = await writer.toUint8Array();
  const client = await clientOf(({ path }) =>
    path.startsWith('/ashfall/exports/')
      ? (response) => response.end(bytes)
      : data({ createExport: link }),
  );
  const exported = await client.createExport({ table: 'actionLog', columns: ['tick'] });
  expect(exported.url).toBe(`${server.url}${link.url}`);
  expect(exported.expiresAt).toEqual(new Date(link.expiresAt));
  const table = await exported.table();
  expect(Array.from(table.getChild('tick') ?? [])).toEqual([0, 10, 1, 11, 2, 12]);
  const rows: number[] = [];
  for await (const batch of exported.stream()) rows.push(batch.numRows);
  expect(rows).toEqual([2, 2, 2]);
  // The link needs no other credential, and gets none.
  const downloads = server.requests.filter(({ path }) => path.startsWith('/ashfall/exports/'));
  expect(downloads.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});

it('tells why a link does not open', async () => {
  const error = { message: 'it has expired', extensions: { code: 'NOT_FOUND', requestId: 'r' } };
  const client = await clientOf(({ path }) =>
    path.startsWith('/ashfall/exports/')
      ? { status: 404, body: { errors: [error] } }
      : data({ createExport: link }),
  );
  const exported = await client.createExport({ table: 'actionLog' });
  await expect(exported.table()).rejects.toMatchObject({ code: 'NOT_FOUND', requestId: 'r' });
});

it('does not try to open what its reader cannot read', async () => {
  const client = await clientOf(() => data({ createExport: link }));
  const exported = await client.createExport({ table: 'actionLog', compression: 'ZSTD' });
  await expect(exported.table()).rejects.toThrow(/compression NONE/);
});
