import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDirectory } from '../../disk/directory-lock.ts';
import type { StorageLock } from '../../disk/storage.ts';
import { EngineError } from '../../model/errors.ts';

const holderEndsWithinMs = 5_000;
const marker = 'columns/host/main';

/**
 * Keeps two children out of one data directory. A child whose parent was killed ends by itself
 * within moments; this waits for it, and ends it when it does not. Throws `UNAVAILABLE` when the
 * directory is held by a living process that is no such child.
 *
 * `host.pid` says which child to end: one that hangs does not answer for itself. It locks nothing,
 * so it may be stale, or come with a copy of the directory.
 */
export async function lockData(
  dataDirectory: string,
  waitMs = holderEndsWithinMs,
): Promise<StorageLock> {
  const path = join(dataDirectory, 'host.pid');
  let deadline = Date.now() + waitMs;
  for (;;) {
    try {
      const lock = await lockDirectory(dataDirectory);
      // A child that is killed while it writes must not leave half a number.
      const draft = `${path}.${process.pid}`;
      writeFileSync(draft, String(process.pid));
      renameSync(draft, path);
      return {
        release: async () => {
          rmSync(path, { force: true });
          await lock.release();
        },
      };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (Date.now() > deadline) {
        const holder = readHolder(path);
        if (holder === null) throw error;
        process.kill(holder, 'SIGKILL');
        // The kernel lets go of the lock once it has taken the process down.
        deadline = Date.now() + waitMs;
      }
      await sleep(20);
    }
  }
}

/** Null where the file names no living child of this kind: a number may be another program's by now. */
function readHolder(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return null;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker) ? pid : null;
  } catch {
    return null;
  }
}
