import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Sandbox, startSandbox } from '@tickloom/sdk/testing';
import { playMatch } from '../match.ts';
import { SkirmishClient } from '../tickloom.ts';

let sandbox: Sandbox;
let game: SkirmishClient;

before(async () => {
  sandbox = await startSandbox({ manifest: 'title.ts' });
  game = new SkirmishClient({ url: sandbox.url, token: sandbox.token('game-server') });
});
after(() => sandbox.stop());

test('bots play: whoever cannot pay for an attack is rejected, and nobody is in debt', async () => {
  const { accepted, rejected } = await playMatch(game, { sessionId: 'a', ticks: 50 });
  assert.equal(accepted + rejected, 2 * 50);
  assert.ok(rejected > 0);
  for (const playerId of [1, 2]) {
    const wallet = await game.wallets.get({ sessionId: 'a', playerId });
    assert.ok(wallet !== null && wallet.credits >= 0);
  }
});

test('the scoreboard adds up to the wallets', async () => {
  await playMatch(game, { sessionId: 'b', ticks: 30 });
  const liveops = new SkirmishClient({ url: sandbox.url, token: sandbox.token('liveops') });
  const { rows } = await liveops.scoreboard.rows({ where: { sessionId: { eq: 'b' } } });
  assert.equal(rows.length, 2);
  for (const { playerId, balance } of rows) {
    const wallet = await game.wallets.get({ sessionId: 'b', playerId });
    assert.equal(balance, BigInt(wallet?.credits ?? -1));
  }
});
