import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** The old objects are marked again once there are three times as many as were alive. */
const growingPercent = 200;

/** Processors up to which garbage is collected without helper threads. */
const processorsMax = 2;

/**
 * Fits V8's collection of garbage to a server whose ticks and requests die young.
 *
 * V8 places what code creates straight among the old objects where enough of it was alive at a
 * collection (sockets' listeners, say). The same code then does so for every request, and what such
 * an object refers to, the request and all it came with, lives until the whole heap is marked: by
 * turns, 6.6% of what GraphQL ticks allocate with that habit, 2.5% without.
 *
 * V8 lets the old objects grow by a few megabytes between two markings where little is allocated
 * among them, to save memory. Each marking takes half the main thread for some 70 ms, whatever it
 * finds, and ticks wait meanwhile. `bench/tick.ts`, by turns: p99 of GraphQL ticks 26, 16 and 14 ms
 * with that habit, 7, 7 and 7 ms without.
 *
 * Where processors are few it collects on the main thread alone. There its helper threads take the
 * time of the threads that write the log, of ClickHouse and of clients on the same machine; a pause
 * waits for helpers that do not get to run. `bench/tick.ts` on two processors, by turns: p99 23, 25
 * and 41 ms with helpers, 16, 19 and 15 ms without. V8 reads these flags at each collection, so
 * setting them late is in order.
 */
export function fitCollection(
  processors: number = availableParallelism(),
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  setFlags('--no-allocation-site-pretenuring');
  setFlags(`--heap-growing-percent=${growingPercent}`);
  if (processors > processorsMax) return;
  setFlags('--no-parallel-scavenge');
  setFlags('--no-concurrent-marking');
}
