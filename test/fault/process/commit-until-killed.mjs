// Arguments: directory, durability as JSON. Commits ticks of two sessions, several in flight, and
// prints position and state hash of each once it is acknowledged. Goes on until it is killed.
import { writeSync } from 'node:fs';
import { openEngine } from '../../../engine/title/open-engine.ts';
import { ashfall } from '../../../src/sandbox/ashfall.ts';
import { testTicket } from '../../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../../title/memory-columns.ts';
import { killedTick, sessions } from '../killed-tick.ts';

const [directory, durability] = process.argv.slice(2);
const columns = new ColumnsOnDisk();
// As if it had everything, so that recovery begins at the newest checkpoint; but nothing of records
// that the log does not have.
columns.coveredLsn = Number.MAX_SAFE_INTEGER - 1;
const store = Object.defineProperty(memoryColumns(columns), 'heldLsn', { value: 0 });
const engine = await openEngine({
  manifest: ashfall,
  directory,
  durability: JSON.parse(durability),
  columns: store,
  checkpointEveryBytes: 200_000,
});

async function run(session) {
  const info = await engine.openSession(testTicket, session, false);
  let tick = (info.lastTick ?? 0) + 1;
  const inFlight = new Set();
  for (;;) {
    const outcome = engine
      .commit(testTicket, killedTick(engine.catalog, session, tick++))
      .then((done) => {
        writeSync(1, `${session} ${done.tick} ${done.lsn} ${done.stateHash}\n`);
        inFlight.delete(outcome);
      });
    inFlight.add(outcome);
    if (inFlight.size >= 4) await Promise.race(inFlight);
  }
}

await Promise.all(sessions.map(run));
