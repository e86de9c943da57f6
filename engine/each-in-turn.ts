import { setTimeout as sleep } from 'node:timers/promises';

/** How long beginning pieces of work may hold the event loop before others get their turn. */
const sliceMs = 2;
/**
 * Or so much of what the others took last: on a loop that is busy anyway, work that waits for its
 * turn after each piece would take as long as the burst that it is to be done within.
 */
const shareOfOthers = 1 / 3;

/** After a slice others get the loop, and the disk, for so many times as long. */
const restPerHeld = 6;
const restMsMax = 20;

/**
 * Background work in pieces: begins them one after the other, yielding to the event loop between
 * slices, with at most `inFlightMax` under way. A piece that waits for the disk waits for several
 * turns, and under load turns are long; so pieces overlap. Rejects with the first failure, once
 * everything begun has ended.
 */
export async function eachInTurn<T>(
  items: Iterable<T>,
  inFlightMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let sliceFrom = performance.now();
  let othersMs = 0;
  for (const item of items) {
    if (running.size >= inFlightMax) await Promise.race(running);
    const sliceTo = performance.now();
    const heldMs = sliceTo - sliceFrom;
    if (heldMs > Math.max(sliceMs, othersMs * shareOfOthers)) {
      // A commit takes several turns, and would wait at each of them.
      await sleep(Math.min(heldMs * restPerHeld, restMsMax));
      sliceFrom = performance.now();
      othersMs = sliceFrom - sliceTo;
    }
    if (failures.length > 0) break;
    const piece = work(item)
      .catch((error: unknown) => {
        failures.push(error);
      })
      .finally(() => running.delete(piece));
    running.add(piece);
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}
