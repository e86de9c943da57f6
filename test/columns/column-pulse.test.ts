import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ColumnPulse } from '../../engine/columns/column-pulse.ts';
import { EngineError } from '../../engine/model/errors.ts';

const times = { everyMs: 100, silentBeats: 3, hungBeats: 8 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A ClickHouse that answers, refuses connections, or takes them and says nothing. */
function pulseOf(first: 'answers' | 'refuses' | 'hangs') {
  const told: string[] = [];
  const log = (_: object, message: string) => void told.push(message);
  const state = { clickHouse: first, isUp: true, hung: 0, told };
  const answers = (signal: AbortSignal) => {
    if (state.clickHouse === 'answers') return Promise.resolve();
    if (state.clickHouse === 'refuses') return Promise.reject(new EngineError('UNAVAILABLE', 'no'));
    return new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal)));
  };
  const pulse = new ColumnPulse({
    client: { answers, query: vi.fn(), close: async () => {} },
    isUp: () => state.isUp,
    onHung: () => void state.hung++,
    logger: { info: log, warn: log, error: log },
    times,
  });
  const beats = (count: number) => vi.advanceTimersByTimeAsync(count * times.everyMs);
  return { pulse, state, beats };
}

it('has no trouble with a ClickHouse that answers', async () => {
  const { pulse, state, beats } = pulseOf('answers');
  await beats(50);
  expect([pulse.trouble, state.hung, state.told]).toEqual([null, 0, []]);
  await pulse.close();
});

it.each(['hangs', 'refuses'] as const)(
  'tells once of a ClickHouse that %s, then has it broken off, and again if that did not help',
  async (clickHouse) => {
    const { pulse, state, beats } = pulseOf(clickHouse);
    // The first beat asks; silence is counted from the next one on.
    await beats(times.silentBeats);
    expect(pulse.trouble).toBeNull();
    await beats(1);
    expect(pulse.trouble).toMatch(/has not answered/);
    expect(state.hung).toBe(0);
    await beats(times.hungBeats - times.silentBeats);
    expect(state.hung).toBe(1);
    await beats(times.hungBeats + 1);
    expect(state.hung).toBe(2);
    expect(pulse.trouble).toMatch(/has not answered/);
    await expect(pulse.ask('SELECT 1', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await pulse.close();
  },
);

it('says when ClickHouse answers again', async () => {
  const { pulse, state, beats } = pulseOf('refuses');
  await beats(times.silentBeats + 1);
  state.clickHouse = 'answers';
  await beats(2);
  expect(pulse.trouble).toBeNull();
  expect(state.told.at(-1)).toBe('the column store answers again');
  await pulse.close();
});

it('does not take one that is being started for one that hangs', async () => {
  const { pulse, state, beats } = pulseOf('hangs');
  await beats(times.hungBeats);
  state.isUp = false;
  await beats(50);
  expect(state.hung).toBe(0);
  expect(pulse.trouble).toBe('the column store is being started');
  await pulse.close();
});
