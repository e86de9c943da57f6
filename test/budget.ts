/**
 * How much a run of the tests may spend, in one place. Assertions are the same in each; what scales
 * is how often chance is asked: runs of a property, kills, crash points, cases of one kind.
 *
 * - `quick`, what `npm test` does: enough for whoever changes something.
 * - `ci`: everything, where `CI` is true or `TICKLOOM_TEST_BUDGET=ci`.
 * - `soak`, what `npm run soak` sets: far more of what is left to chance, and hours of it.
 *
 * The numbers that tests state are those of `ci`.
 */
type Budget = 'quick' | 'ci' | 'soak';

const budgets: readonly string[] = ['quick', 'ci', 'soak'] satisfies Budget[];

export const budget = budgetOf(process.env.TICKLOOM_TEST_BUDGET);

function budgetOf(asked: string | undefined): Budget {
  if (asked === undefined || asked === '') return process.env.CI === 'true' ? 'ci' : 'quick';
  if (budgets.includes(asked)) return asked as Budget;
  throw new RangeError(`TICKLOOM_TEST_BUDGET must be one of ${budgets.join(', ')}, not "${asked}"`);
}

/** One in so many, of what a whole run does; for points no multiple of what bytes and calls repeat by. */
const quickOneIn = { runs: 4, kills: 10, points: 13, cases: 3 };
/** `npm run soak` runs each property and kills each process as often, unless it is told otherwise. */
const soak = {
  runs: Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 5_000),
  kills: Number(process.env.TICKLOOM_KILLS ?? 300),
};

/** Runs of a property. */
export function runs(full: number): number {
  if (budget === 'soak') return Math.max(full, soak.runs);
  return budget === 'ci' ? full : Math.ceil(full / quickOneIn.runs);
}

/** How often a process is killed, or a connection cut; at least twice, since the second finds more. */
export function kills(full: number): number {
  if (budget === 'soak') return Math.max(full, soak.kills);
  return budget === 'ci' ? full : Math.max(2, Math.ceil(full / quickOneIn.kills));
}

const sampleSeed = Number(process.env.TICKLOOM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
if (budget === 'quick') {
  console.info(`quick: crash points and cases are sampled; TICKLOOM_TEST_SEED=${sampleSeed}`);
}

/**
 * The points from `first` to `last`, each `step`: all of them, or in `quick` an even sample, which
 * begins where the seed says, so that runs come to each point by and by. What happens at a point
 * must depend on it alone, not on the points before it.
 */
export function points(first: number, last: number, step = 1): number[] {
  const all: number[] = [];
  for (let at = first; at <= last; at += step) all.push(at);
  return sampled(all, quickOneIn.points);
}

/** As `points`, and after a sample the others too, until what must happen at some point has. */
export function* pointsUntil(
  isEnough: () => boolean,
  first: number,
  last: number,
  step = 1,
): Generator<number> {
  const sample = new Set(points(first, last, step));
  yield* sample;
  for (let at = first; at <= last && !isEnough(); at += step) if (!sample.has(at)) yield at;
}

/** Cases of one kind that cost a server each: all, or in `quick` an even sample, as of `points`. */
export function cases<Case>(all: readonly Case[]): Case[] {
  return sampled(all, quickOneIn.cases);
}

function sampled<Item>(all: readonly Item[], oneIn: number): Item[] {
  if (budget !== 'quick') return [...all];
  const stride = Math.min(oneIn, all.length);
  return all.filter((_, i) => i % stride === sampleSeed % stride);
}
