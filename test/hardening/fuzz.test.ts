import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runs } from '../budget.ts';
import { type FuzzDetails, type FuzzTarget, targets } from './fuzz/targets.ts';
import { codes, FuzzWorld } from './fuzz/world.ts';

/** What `npm run fuzz` sets; without it each target has a fixed number of inputs. */
const { TICKLOOM_FUZZ_SECONDS, TICKLOOM_FUZZ_SEED, TICKLOOM_FUZZ_ONLY, TICKLOOM_FUZZ_PATH } =
  process.env;
const seconds = TICKLOOM_FUZZ_SECONDS === undefined ? null : Number(TICKLOOM_FUZZ_SECONDS);
const seed = Number(TICKLOOM_FUZZ_SEED ?? 20_261_130);
const chosen = targets.filter(({ name }) => (TICKLOOM_FUZZ_ONLY ?? name) === name);
const progressMs = 5_000;
const aliveEvery = 50;
/** What this process, in which the server runs, may have more at the end. */
const memoryGrowthBytesMax = 1.5 * 2 ** 30;

let world: FuzzWorld;
let residentBefore: number;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => unhandled.push(error);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onUnhandled);
  world = await FuzzWorld.open();
  residentBefore = process.memoryUsage().rss;
  console.info(`fuzz: TICKLOOM_FUZZ_SEED=${seed}`);
});
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  process.off('uncaughtException', onUnhandled);
  await world.sandbox.stop();
});

describe('whatever comes from outside is answered with a code of the contract, and what is refused writes nothing', () => {
  expect(chosen.map(({ name }) => name)).not.toEqual([]);
  const timeoutMs = 120_000 + 2_000 * (seconds ?? 0);

  test.each(chosen.map((one) => [one.name, one] as const))(
    '%s',
    async (_name, fuzzed) => {
      await fuzz(fuzzed);
      expect(unhandled.splice(0)).toEqual([]);
    },
    timeoutMs,
  );

  test('memory stays within bounds', () => {
    expect(process.memoryUsage().rss - residentBefore).toBeLessThan(memoryGrowthBytesMax);
  });
});

async function fuzz(fuzzed: FuzzTarget): Promise<void> {
  const startedMs = performance.now();
  codes.clear();
  let toldMs = startedMs;
  const count = { inputs: 0, refused: 0 };
  const check = await fuzzed.prepare(world, async (run) => {
    const before = world.lsn;
    const outcome = await run();
    count.inputs++;
    if (outcome === 'refused') count.refused++;
    if (outcome === 'refused' && fuzzed.isOne && world.lsn !== before) {
      throw new Error(`refused, and written: ${before} became ${world.lsn}`);
    }
    if (unhandled.length > 0) throw new Error(`nobody handled: ${String(unhandled.splice(0)[0])}`);
    if (count.inputs % aliveEvery === 0) await world.checkAlive();
    if (performance.now() - toldMs < progressMs) return;
    toldMs = performance.now();
    tell(fuzzed.name, count, startedMs);
  });
  const limitMs = ((seconds ?? 0) * 1_000) / chosen.length;
  const details = await check({
    seed,
    numRuns: seconds === null ? runs(fuzzed.runs) : Number.MAX_SAFE_INTEGER,
    ...(TICKLOOM_FUZZ_PATH === undefined ? {} : { path: TICKLOOM_FUZZ_PATH }),
    ...(seconds === null
      ? {}
      : { interruptAfterTimeLimit: limitMs, markInterruptAsFailure: false }),
  });
  await world.checkAlive();
  if (seconds !== null) tell(fuzzed.name, count, startedMs);
  if (!details.failed || details.counterexample === null) return;
  throw foundError(fuzzed.name, details);
}

function tell(name: string, count: { inputs: number; refused: number }, sinceMs: number): void {
  const elapsed = Math.round((performance.now() - sinceMs) / 1_000);
  const told = [...codes].map(([code, times]) => `${code} ${times}`).join(', ');
  console.info(
    `fuzz: ${name}: ${count.inputs} inputs, ${count.refused} refused, ${elapsed} s; ${told}`,
  );
}

/** Keeps the failing input in a file, and says how to run it again. */
function foundError(name: string, details: FuzzDetails): Error {
  const { counterexample, counterexamplePath, errorInstance } = details;
  const directory = join(import.meta.dirname, '..', '.artifacts', 'fuzz');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name.replaceAll(' ', '-')}-${seed}.json`);
  const bytes = (_key: string, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
  const [input] = counterexample ?? [];
  const found = {
    target: name,
    seed,
    path: counterexamplePath,
    error: String(errorInstance),
    input,
  };
  writeFileSync(file, JSON.stringify(found, bytes, 2));
  return new Error(
    `${name}: ${String(errorInstance)}\nthe input is in ${file}; again: npm run fuzz -- --only "${name}" --seed ${seed} --path "${counterexamplePath}"`,
    { cause: errorInstance },
  );
}
