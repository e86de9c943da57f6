import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withinTime } from './within-time.ts';

/** Each of its runs takes a millisecond at least. */
const slow = fc.property(fc.nat(), () => {
  const until = performance.now() + 1;
  while (performance.now() < until);
});

test('a property that is cut short below the runs it needs fails, and says so', () => {
  expect(() =>
    fc.assert(slow, withinTime({ runs: 1_000_000, runsMin: 1_000_000, timeLimitMs: 20 })),
  ).toThrow(/cut short after \d+ of 1000000 runs, 1000000 are needed; seed -?\d+/);
});

test('a property that is cut short beyond the runs it needs holds', () => {
  fc.assert(slow, withinTime({ runs: 1_000_000, runsMin: 1, timeLimitMs: 50 }));
});

test('a property that does not hold fails with its counterexample and seed', () => {
  const never = fc.property(fc.constant(7), (seven) => seven !== 7);
  expect(() => fc.assert(never, withinTime({ runs: 10, runsMin: 1 }))).toThrow(
    /Property failed[\s\S]*seed: [\s\S]*Counterexample: \[7\]/,
  );
});

test('a property whose runs are asynchronous is held to the same', async () => {
  const sleepless = fc.asyncProperty(fc.nat(), async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
  const timed = { runs: 1_000_000, runsMin: 1_000_000, timeLimitMs: 20 };
  await expect(fc.assert(sleepless, withinTime(timed))).rejects.toThrow(/cut short/);
});
