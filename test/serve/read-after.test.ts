import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());

async function lsn(): Promise<number> {
  return Number((await sandbox.position()).split(':')[1]);
}

function readUnit(unitId: number, readAfter: number): Promise<Answer> {
  return sandbox.ask(
    'game-server',
    'query ($unitId: Int!) { unitState(key: { sessionId: "match", unitId: $unitId }) { version } }',
    { unitId },
    { 'x-tickloom-read-after': `0:${readAfter}` },
  );
}

describe('a read over HTTP that demands a position', () => {
  test('waits for it, and sees the tick that was committed meanwhile', async () => {
    const next = (await lsn()) + 1;
    let answered = false;
    const read = readUnit(5, next).finally(() => {
      answered = true;
    });
    // A read that demands nothing more is answered past the one that waits.
    const other = await readUnit(5, next - 1);
    expect([answered, other.data]).toEqual([false, { unitState: null }]);
    await sandbox.commit('match', 3, 6);
    const answer = await read;
    expect(answer.data).toEqual({ unitState: { version: 1 } });
    expect(answer.extensions?.tickloom.position).toBe(`0:${next}`);
  });

  test('answers NOT_CAUGHT_UP when it is not applied in time', async () => {
    const answer = await readUnit(1, (await lsn()) + 1_000);
    expect(answer.data ?? null).toEqual({ unitState: null });
    expect(answer.errors).toMatchObject([
      { extensions: { code: 'NOT_CAUGHT_UP', category: 'transient', retryable: true } },
    ]);
  });
});
