import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDirectory } from '../disk/directory-lock.ts';
import { EngineError } from '../model/errors.ts';

const endsWithinMs = 5_000;
const marker = 'columns/host/main';
const noteName = 'host.pid';

/**
 * Waits until no child works on `dataDirectory`. One whose parent was killed ends by itself within
 * moments; one that does not is ended. Throws `UNAVAILABLE` when the directory is held by a living
 * process that is no such child.
 *
 * The parent's `folder` has a note of the child it started: one that hangs does not answer for
 * itself, and one in namespaces of its own neither knows its number out here nor is seen to hold the
 * lock, where the path of `dataDirectory` is too long for a socket. The note names the directory by
 * its inode, so that one that comes with a copy names nobody.
 */
export async function outwaitFormerChild(
  folder: string,
  dataDirectory: string,
  waitMs = endsWithinMs,
): Promise<void> {
  let deadline = Date.now() + waitMs;
  for (;;) {
    const former = formerChild(folder, dataDirectory);
    const held = await whyHeld(dataDirectory);
    if (held === null && former === null) return;
    if (Date.now() > deadline) {
      if (former === null) throw held;
      process.kill(former, 'SIGKILL');
      // The kernel lets go of the lock once it has taken the process down.
      deadline = Date.now() + waitMs;
    }
    await sleep(20);
  }
}

/** Notes which process works on `dataDirectory`. */
export function noteChild(folder: string, dataDirectory: string, pid: number): void {
  // A server that is killed while it writes must not leave half a number.
  const draft = join(folder, `${noteName}.draft`);
  writeFileSync(draft, `${pid} ${inodeOf(dataDirectory)}`);
  renameSync(draft, join(folder, noteName));
}

export function forgetChild(folder: string): void {
  rmSync(join(folder, noteName), { force: true });
}

async function whyHeld(dataDirectory: string): Promise<EngineError | null> {
  try {
    await (await lockDirectory(dataDirectory)).release();
    return null;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

/** Null where the note names no living child of this kind: a number may be another program's by now. */
function formerChild(folder: string, dataDirectory: string): number | null {
  try {
    const [number, inode] = readFileSync(join(folder, noteName), 'utf8').split(' ');
    const pid = Number(number);
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return null;
    if (inode !== inodeOf(dataDirectory)) return null;
    // Empty once the process has ended, however late its parent takes notice.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker) ? pid : null;
  } catch {
    return null;
  }
}

function inodeOf(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return `${dev}:${ino}`;
}
