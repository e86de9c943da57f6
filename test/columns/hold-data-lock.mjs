// Argument: a directory. Takes the lock of the column store's data in it, says so, and holds it.
import { lockDirectory } from '../../engine/disk/directory-lock.ts';

await lockDirectory(process.argv[2]);
process.stdout.write(`${process.pid}\n`);
setInterval(() => {}, 60_000);
