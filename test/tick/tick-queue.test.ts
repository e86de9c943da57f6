import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { newSession } from '../../engine/state/session.ts';
import { TickQueue } from '../../engine/tick/tick-queue.ts';
import { testTicket } from '../ticket.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function harness() {
  const queue = new TickQueue({ onWaitingBytes: (bytes) => told.push(bytes) });
  const session = newSession('s', 1);
  /** What the queue tells about the memory of those that wait. */
  const told: number[] = [];
  const started: number[] = [];
  const refused = new Map<number, EngineError>();
  /** Ticks that the log does not take. */
  const notTaken = new Set<number>();
  /** Ticks that the session takes no more. */
  const fenced = new Set<number>();
  const enter = (tick: number, afterTick: number | null, bytes = 0, of = session) =>
    queue.enter(of, {
      ticket: testTicket,
      tick,
      afterTick,
      heldBytes: () => bytes,
      start: () => {
        if (notTaken.has(tick)) return false;
        started.push(tick);
        return true;
      },
      refuse: (error) => refused.set(tick, error),
      answerEarly: () => fenced.has(tick),
    });
  /** The tick was applied. */
  const settle = (tick: number) => {
    session.lastTick = tick;
    queue.leave(session);
  };
  const codes = () => [...refused].map(([tick, error]) => [tick, error.code]);
  return { queue, session, told, started, refused, notTaken, fenced, enter, settle, codes };
}

describe('the queue of ticks', () => {
  it('starts at once what names no other tick, or one that has started or was applied', () => {
    const { started, enter, settle } = harness();
    enter(3, null);
    enter(4, 3);
    settle(3);
    settle(4);
    enter(5, 4);
    enter(9, 2);
    expect(started).toEqual([3, 4, 5, 9]);
  });

  it('starts ticks in their order, whatever order they come in', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }).chain((count) =>
          fc.shuffledSubarray(
            Array.from({ length: count }, (_, i) => i + 1),
            { minLength: count },
          ),
        ),
        (arrival) => {
          const { started, enter, codes } = harness();
          for (const tick of arrival) enter(tick, tick === 1 ? null : tick - 1);
          expect(started).toEqual([...arrival].sort((a, b) => a - b));
          expect(codes()).toEqual([]);
        },
      ),
    );
  });

  it('refuses a tick whose predecessor does not come in time', () => {
    const { started, enter, codes } = harness();
    enter(5, 4);
    vi.advanceTimersByTime(limits.tickWaitMs - 1);
    expect(codes()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(codes()).toEqual([[5, 'TICK_OUT_OF_ORDER']]);
    enter(4, null);
    expect(started).toEqual([4]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets so many wait and no more, and only one for the same tick', () => {
    const { started, enter, codes } = harness();
    for (let i = 0; i < limits.ticksWaitingMax; i++) enter(100 + i * 2, 99 + i * 2);
    enter(9_000, 8_999);
    expect(codes()).toEqual([[9_000, 'OVERLOADED']]);
    const other = harness();
    other.enter(5, 4);
    other.enter(6, 4);
    expect(other.codes()).toEqual([[6, 'TICK_OUT_OF_ORDER']]);
    expect(started).toEqual([]);
  });

  it('lets so many bytes of all sessions wait and no more, until some wait no longer', () => {
    const { told, started, refused, enter, codes } = harness();
    const max = limits.ticksWaitingBytesMax;
    const other = newSession('t', 2);
    enter(3, 2, max - 10);
    enter(13, 12, 10, other);
    enter(15, 14, 1, other);
    expect(codes()).toEqual([[15, 'OVERLOADED']]);
    expect(refused.get(15)).toMatchObject({
      retryAfterMs: 100,
      details: { limit: 'ticksWaitingBytesMax', max },
    });
    // What need not wait takes no room.
    enter(12, null, max, other);
    expect(started).toEqual([12, 13]);
    enter(15, 14, 10, other);
    enter(17, 16, 1, other);
    expect(codes().slice(1)).toEqual([[17, 'OVERLOADED']]);
    vi.advanceTimersByTime(limits.tickWaitMs);
    expect(told).toEqual([max - 10, max, max - 10, max, 10, 0]);
  });

  it('starts a tick that was sent again while it waited as often as it was sent, and then its followers', () => {
    const { started, enter, codes } = harness();
    enter(3, 2);
    enter(2, 1);
    enter(2, 1);
    enter(1, null);
    expect(started).toEqual([1, 2, 2, 3]);
    expect(codes()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets those wait no longer that their session takes no more, and others go on', () => {
    const { queue, session, started, fenced, enter, codes } = harness();
    enter(5, 4);
    enter(7, 6);
    fenced.add(5);
    queue.sessionChanged(session);
    expect(vi.getTimerCount()).toBe(1);
    enter(4, null);
    enter(6, null);
    expect(started).toEqual([4, 6, 7]);
    expect(codes()).toEqual([]);
  });

  it('does not wait for a tick that was aborted', () => {
    const { session, started, enter, queue } = harness();
    enter(1, null);
    session.abortedTick = 1;
    queue.leave(session);
    enter(2, 1);
    expect(started).toEqual([1, 2]);
  });

  it('waits anew after ticks in flight came to nothing', () => {
    const { queue, session, started, enter } = harness();
    enter(1, null);
    enter(2, 1);
    // The log rejected both; the session is where it was.
    queue.leave(session);
    queue.leave(session);
    enter(2, 1);
    expect(started).toEqual([1, 2]);
    enter(1, null);
    expect(started).toEqual([1, 2, 1, 2]);
  });

  it('keeps the followers of a tick that the log did not take waiting for it', () => {
    const { notTaken, started, enter, codes } = harness();
    enter(3, 2);
    notTaken.add(2);
    enter(2, null);
    expect(started).toEqual([]);
    notTaken.clear();
    enter(2, null);
    expect(started).toEqual([2, 3]);
    expect(codes()).toEqual([]);
  });

  it('refuses all who wait when it is cleared', () => {
    const { queue, enter, codes } = harness();
    enter(3, 2);
    enter(6, 5);
    queue.clear(new EngineError('UNAVAILABLE', 'closing'));
    expect(codes()).toEqual([
      [3, 'UNAVAILABLE'],
      [6, 'UNAVAILABLE'],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
