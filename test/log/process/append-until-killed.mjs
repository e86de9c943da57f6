// Arguments: directory, durability as JSON. Appends records that their LSN determines, and prints
// each LSN once it is durable. Goes on until it is killed.
import { writeSync } from 'node:fs';
import { openFileLog } from '../../../engine/log/open-file-log.ts';

const [directory, durability] = process.argv.slice(2);
const log = await openFileLog({
  directory,
  durability: JSON.parse(durability),
  segmentBytesMax: 100_000,
});

const inFlight = 8;

function append() {
  const lsn = log.durableLsn + log.pending.records + 1;
  log.append([Buffer.alloc((lsn * 37) % 3000, lsn)]);
}

log.listen({
  onDurable(upTo) {
    writeSync(1, `${upTo}\n`);
    for (let n = log.pending.records; n < inFlight; n++) append();
  },
  onRejected() {
    process.exit(3);
  },
  onFailure() {
    process.exit(4);
  },
});
append();
