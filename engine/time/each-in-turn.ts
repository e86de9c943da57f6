import { setTimeout as sleep } from 'node:timers/promises';

/** How long beginning pieces of work may hold the event loop before others get their turn. */
const sliceMs = 1;
/**
 * Or so much of what the others took last: on a loop that is busy anyway, work that waits for its
 * turn after each piece would take as long as the burst that it is to be done within.
 */
const shareOfOthers = 1 / 3;

/** After a slice others get the loop, and the disk, for so many times as long. */
const restPerHeld = 6;
const restMsMax = 20;
/** A rest that ends later than this ends in a burst; else commits wait for few of the disk's threads. */
const burstLateMs = 10;
const inFlightInCalm = 1;

/**
 * Background work in pieces: begins them one after the other, yielding to the event loop between
 * slices, with at most `inFlightMax` under way, and in calm service one: it takes a thread for
 * files that a commit may want. A piece that waits for the disk waits for several turns, and under
 * load turns are long; so pieces overlap there. Rejects with the first failure, once everything
 * begun has ended.
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
  let underWayMax = Math.min(inFlightInCalm, inFlightMax);
  for (const item of items) {
    if (running.size >= underWayMax) await Promise.race(running);
    const sliceTo = performance.now();
    const heldMs = sliceTo - sliceFrom;
    if (heldMs > Math.max(sliceMs, othersMs * shareOfOthers)) {
      // A commit takes several turns, and would wait at each of them.
      const restMs = Math.min(heldMs * restPerHeld, restMsMax);
      await sleep(restMs);
      sliceFrom = performance.now();
      othersMs = sliceFrom - sliceTo;
      if (othersMs - restMs > burstLateMs) underWayMax = inFlightMax;
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
