import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** Processors up to which garbage is collected without helper threads. */
const processorsMax = 2;

/**
 * Has V8 collect garbage on the main thread alone where processors are few. There its helper threads
 * take the time of the threads that write the log, of ClickHouse and of clients on the same
 * machine; a pause waits for helpers that do not get to run. `bench/tick.ts` on two processors, by
 * turns: p99 23, 25 and 41 ms with helpers, 16, 19 and 15 ms without. V8 reads these two flags at
 * each collection, so setting them late is in order.
 */
export function fitCollection(
  processors: number = availableParallelism(),
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  if (processors > processorsMax) return;
  setFlags('--no-parallel-scavenge');
  setFlags('--no-concurrent-marking');
}
