import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ActionVerdict, ClientOptions, ResponseInfo } from '@tickloom/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AshfallAction, AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { Sandbox } from '../serve/sandbox.ts';
import { FaultyProxy } from './faulty-proxy.ts';

const run = promisify(execFile);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

function shopOf(options: Partial<ClientOptions> = {}): AshfallClient {
  return new AshfallClient({
    url: sandbox.url,
    token: () => sandbox.token('game-server'),
    ...options,
  });
}

const order = (actionId: string) =>
  ({ actionId, playerId: 1, kind: 'BUILD_MOBILE', unitIds: [] }) as const;
const pay = (playerId: number, price: number) => (action: AshfallAction) =>
  action.playerProfile.adjust(
    { playerId },
    { rating: -price },
    { require: { rating: { gte: 0 } } },
  );

let players = 1_000;
/** A player that has so much to spend. */
async function playerWith(shop: AshfallClient, rating: number): Promise<number> {
  const playerId = ++players;
  const row = { playerId, rating, matchesPlayed: 0, suspended: false };
  await shop.transaction(order(`player-${playerId}`), (action) => action.playerProfile.insert(row));
  return playerId;
}

async function leftOf(shop: AshfallClient, playerId: number): Promise<number | undefined> {
  return (await shop.playerProfile.get({ playerId }))?.rating;
}

/** The sessions of clients that submit transactions now. */
async function openTransactions(shop: AshfallClient): Promise<string[]> {
  const data = await shop.graphql('{ sessions(first: 1000) { nodes { sessionId open } } }');
  const { nodes } = data.sessions as { nodes: { sessionId: string; open: boolean }[] };
  const open = nodes.filter(({ sessionId, open }) => open && sessionId.startsWith('transactions-'));
  return open.map(({ sessionId }) => sessionId);
}

describe('a submitted action', () => {
  it('is answered its own verdict, and its first one when it is submitted again', async () => {
    const shop = shopOf();
    const player = await playerWith(shop, 50);
    const [bought, refused] = await Promise.all([
      shop.transaction(order('v-1'), pay(player, 30)),
      shop.transaction(order('v-2'), pay(player, 30)),
    ]);
    expect(bought).toMatchObject({ actionId: 'v-1', accepted: true, repeated: false });
    expect(refused).toMatchObject({
      accepted: false,
      repeated: false,
      conflict: { code: 'GUARD_FAILED', table: 'playerProfile', key: { playerId: player } },
    });
    const elsewhere = shopOf();
    const again = await elsewhere.transaction(order('v-1'), pay(player, 30));
    expect(again).toEqual({ ...bought, repeated: true });
    const refusedAgain = await elsewhere.transaction(order('v-2'), pay(player, 30));
    expect(refusedAgain).toEqual({
      ...refused,
      repeated: true,
      conflict: { code: 'GUARD_FAILED' },
    });
    expect(await leftOf(elsewhere, player)).toBe(20);
    await Promise.all([shop.close(), elsewhere.close()]);
  });

  it('is refused alone when its id was used for something else', async () => {
    const shop = shopOf();
    const player = await playerWith(shop, 50);
    const first = await shop.transaction(order('m-1'), pay(player, 1));
    const [mismatch, other] = await Promise.allSettled([
      shop.transaction(order('m-1'), pay(player, 2)),
      shop.transaction(order('m-2'), pay(player, 3)),
    ]);
    expect(mismatch).toMatchObject({
      reason: { code: 'IDEMPOTENCY_MISMATCH', details: { position: first.position } },
    });
    expect(other).toMatchObject({ value: { accepted: true } });
    expect(await leftOf(shop, player)).toBe(46);
    await shop.close();
  });

  it('happens once though it is submitted twice at the same time', async () => {
    const shop = shopOf();
    const player = await playerWith(shop, 50);
    const twice = [1, 2].map(() => shop.transaction(order('t-1'), pay(player, 5)));
    const verdicts = await Promise.all(twice);
    expect(verdicts.map(({ accepted }) => accepted)).toEqual([true, true]);
    expect(verdicts.map(({ repeated }) => repeated)).toEqual([false, true]);
    expect(await leftOf(shop, player)).toBe(45);
    await shop.close();
  });

  it('happens once though two processes submit it at the same time', async () => {
    const shop = shopOf();
    await shop.transaction(order('player-1'), (action) =>
      action.playerProfile.insert({
        playerId: 1,
        rating: 500,
        matchesPlayed: 0,
        suspended: false,
      }),
    );
    const script = fileURLToPath(new URL('./process/buy.mjs', import.meta.url));
    const ids = Array.from({ length: 100 }, (_, i) => `process-${i}`).join();
    const token = await sandbox.token('game-server');
    const both = await Promise.all(
      [1, 2].map(() => run(process.execPath, [script, sandbox.url, token, ids])),
    );
    const [one = [], other = []] = both.map(
      ({ stdout }) => JSON.parse(stdout) as readonly ActionVerdict[],
    );
    expect(one).toHaveLength(100);
    one.forEach((verdict, i) => {
      expect(verdict.accepted).toBe(true);
      expect(other[i]?.position).toBe(verdict.position);
      expect([verdict.repeated, other[i]?.repeated].sort()).toEqual([false, true]);
    });
    expect(await leftOf(shop, 1)).toBe(400);
    await shop.close();
  });

  it('is sent with whatever else is submitted meanwhile, in few ticks', async () => {
    const commits: ResponseInfo[] = [];
    const shop = shopOf({
      onResponse: (info) => {
        if (info.operation === 'CommitTick') commits.push(info);
      },
    });
    const player = await playerWith(shop, 2_000);
    commits.length = 0;
    const verdicts = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => shop.transaction(order(`few-${i}`), pay(player, 1))),
    );
    expect(verdicts.every(({ accepted }) => accepted)).toBe(true);
    expect(commits.length).toBeLessThanOrEqual(3);
    expect(await leftOf(shop, player)).toBe(0);
    await shop.close();
  });

  it('fails alone when its values are none, or the server refuses it', async () => {
    const shop = shopOf();
    const player = await playerWith(shop, 100);
    const orders = ['b-1', 'x'.repeat(200), 'b-2', 'b-3', '', 'b-4'];
    const submitted = orders.map((actionId) => shop.transaction(order(actionId), pay(player, 1)));
    const mistaken = shop.transaction({ ...order('b-5'), playerId: -1 }, pay(player, 1));
    const last = shop.transaction(order('b-6'), pay(player, 1));
    const settled = await Promise.allSettled([...submitted, mistaken, last]);
    const codes = settled.map((one) =>
      one.status === 'fulfilled' ? one.value.accepted : one.reason.code,
    );
    const bad = 'BAD_USER_INPUT';
    expect(codes).toEqual([true, bad, true, true, bad, true, bad, true]);
    expect(await leftOf(shop, player)).toBe(95);
    expect(await shop.transaction(order('b-7'), pay(player, 1))).toMatchObject({ accepted: true });
    await shop.close();
  });

  it('is not taken for rows of a session outside that session', async () => {
    const shop = shopOf();
    const unit = (action: AshfallAction) => action.unitState.insert({ unitId: 1, ownerId: 1 });
    await expect(shop.transaction(order('s-1'), unit)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { table: 'unitState' },
    });
    const lobby = await shop.openSession('lobby');
    expect(await lobby.submit(order('s-1'), unit)).toMatchObject({ accepted: true });
    expect(await shop.unitState.get({ sessionId: 'lobby', unitId: 1 })).toMatchObject({
      ownerId: 1,
    });
    await lobby.close();
  });
});

describe('submitting', () => {
  it('goes on beside others that write to the session', async () => {
    const shops = [shopOf(), shopOf()];
    const sessions = await Promise.all(shops.map((shop) => shop.openSession('auction')));
    const verdicts = await Promise.all(
      sessions.flatMap((session, of) =>
        Array.from({ length: 20 }, (_, i) =>
          session.submit(order(`bid-${of}-${i}`), (bid) =>
            bid.unitState.upsert({ unitId: of * 100 + i }, { ownerId: of }),
          ),
        ),
      ),
    );
    expect(verdicts.every(({ accepted, repeated }) => accepted && !repeated)).toBe(true);
  });

  it('ends with FENCED once the session is taken over, and transactions go on in another', async () => {
    const shop = shopOf();
    const lobby = await shop.openSession('taken');
    await lobby.submit(order('f-1'));
    await shopOf().openSession('taken', { takeOver: true });
    await expect(lobby.submit(order('f-2'))).rejects.toMatchObject({ code: 'FENCED' });
    await expect(lobby.submit(order('f-3'))).rejects.toMatchObject({ code: 'FENCED' });

    await shop.transaction(order('f-4'));
    for (const sessionId of await openTransactions(shop)) {
      await shopOf().openSession(sessionId, { takeOver: true });
    }
    await expect(shop.transaction(order('f-5'))).rejects.toMatchObject({ code: 'FENCED' });
    expect(await shop.transaction(order('f-5'))).toMatchObject({ accepted: true, repeated: false });
    await shop.close();
  });

  it('gives a process of a name the place of the one before', async () => {
    const [before, after] = [1, 2].map(() => shopOf({ transactionSession: 'eu-1' }));
    await before?.transaction(order('n-1'));
    expect(await after?.transaction(order('n-1'))).toMatchObject({ repeated: true });
    await expect(before?.transaction(order('n-2'))).rejects.toMatchObject({ code: 'FENCED' });
    await after?.close();
    await expect(after?.transaction(order('n-3'))).rejects.toMatchObject({
      code: 'REQUEST_ABORTED',
    });
  });

  it('makes every purchase once through connections that are cut', async () => {
    let connections = 0;
    const proxy = await FaultyProxy.start(sandbox.url, () => {
      connections += 1;
      return 300 + ((connections * 7_919) % 9_000);
    });
    try {
      const retry = { attemptsMax: 30, baseMs: 1, maxMs: 20 };
      const shop = shopOf({ url: proxy.url, retry });
      const player = await playerWith(shop, 1_000);
      for (let round = 0; round < 20; round += 1) {
        const verdicts = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            shop.transaction(order(`cut-${round}-${i}`), pay(player, 1)),
          ),
        );
        expect(verdicts.every(({ accepted }) => accepted)).toBe(true);
      }
      expect(proxy.cuts).toBeGreaterThan(5);
      expect(await leftOf(shop, player)).toBe(600);
    } finally {
      await proxy.close();
    }
  });
});
