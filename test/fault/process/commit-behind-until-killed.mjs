// Arguments: directory, ticks. Commits ticks of two sessions on a real, embedded ClickHouse, and
// stops that after so many: from then on checkpoints are ahead of it. Prints the ClickHouse
// process, then a line a tick that is acknowledged. Goes on until it is killed.
import { readFileSync, writeSync } from 'node:fs';
import { openEngine } from '../../../engine/title/open-engine.ts';
import { ashfall } from '../../../src/sandbox/ashfall.ts';
import { testTicket } from '../../ticket.ts';
import { killedTick, sessions } from '../killed-tick.ts';

const [directory, stopAfter] = process.argv.slice(2);
const engine = await openEngine({
  manifest: ashfall,
  directory,
  durability: { mode: 'strict' },
  columns: 'embedded',
  checkpointEveryBytes: 100_000,
});
const { childPid } = engine.columns;
writeSync(1, `${childPid}\n`);
let committed = 0;

/** Stops a process and those it has started: within bubblewrap ClickHouse is another one than the child. */
function stopTree(pid) {
  process.kill(pid, 'SIGSTOP');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  for (const child of children) if (child !== '') stopTree(Number(child));
}

async function run(session) {
  const info = await engine.openSession(testTicket, session, false);
  let tick = (info.lastTick ?? 0) + 1;
  for (;;) {
    const { tick: done } = await engine.commit(
      testTicket,
      killedTick(engine.catalog, session, tick++),
    );
    writeSync(1, `${session} ${done}\n`);
    if (++committed === Number(stopAfter)) stopTree(childPid);
  }
}

await Promise.all(sessions.map(run));
