import { describe, expect, test } from 'vitest';
import { createViewEngine } from '../../engine/views/open-views.ts';
import { CheckpointInMemory } from './checkpoint-in-memory.ts';
import { catalog, type TickPlan, World } from './world.ts';

/** One row of the ledger, which one view is drawn from. */
function tickOf(playerId: number): TickPlan {
  const row = { playerId, resource: 'MASS', amount: 1, delta: null };
  return { session: 0, actions: [], effects: [{ op: 'append', table: 'ledger', row }] };
}

describe('a checkpoint of views', () => {
  function play() {
    const world = new World();
    const views = createViewEngine({ catalog, state: world.state, chunkRowBits: 1 });
    const commit = (playerId: number) =>
      world.commit(tickOf(playerId), (changes) => views.apply(changes));
    return { views, commit, checkpoint: new CheckpointInMemory() };
  }

  test('has nothing to write when nothing was folded in since the one before', () => {
    const { views, commit, checkpoint } = play();
    for (const playerId of [0, 1, 2, 3, 4]) commit(playerId);
    checkpoint.take(views);
    // Three chunks of the groups' five rows, one of the only session's name.
    expect(checkpoint.writtenCount).toBe(4);
    checkpoint.take(views);
    expect(checkpoint.writtenCount).toBe(0);
  });

  test('writes the chunks whose groups a tick touched or added, and no other', () => {
    const { views, commit, checkpoint } = play();
    for (const playerId of [0, 1, 2, 3, 4]) commit(playerId);
    checkpoint.take(views);
    commit(2);
    checkpoint.take(views);
    expect(checkpoint.writtenCount).toBe(1);
    // The sixth group fills the third chunk, the seventh begins another.
    commit(5);
    commit(6);
    checkpoint.take(views);
    expect(checkpoint.writtenCount).toBe(2);
  });

  test('is written whole when the one before was of another size of chunks', () => {
    const { views, commit } = play();
    for (const playerId of [0, 1, 2]) commit(playerId);
    const whole = views.checkpoint(null);
    const rows = new Map(whole.parts.map((part) => [part.part, part.rows]));
    const other = views.checkpoint({ lsn: whole.lsn, chunkRows: 4, rows });
    expect(other.parts.flatMap(({ chunks }) => chunks)).not.toContain(null);
    const same = views.checkpoint({ lsn: whole.lsn, chunkRows: 2, rows });
    expect(same.parts.flatMap(({ chunks }) => chunks.filter((one) => one !== null))).toEqual([]);
  });
});
