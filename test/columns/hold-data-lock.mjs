// Argument: a directory. Takes the lock of the column store's data in it, says so, and holds it.
import { lockData } from '../../engine/columns/host/data-lock.ts';

await lockData(process.argv[2]);
process.stdout.write(`${process.pid}\n`);
setInterval(() => {}, 60_000);
