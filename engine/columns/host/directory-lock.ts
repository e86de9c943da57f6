import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const waitMs = 5_000;
const marker = 'columns/host/main';
/** `PF_KTHREAD` of Linux's `include/linux/sched.h`. */
const kernelThreadFlag = 0x200000;

/**
 * Keeps two children out of one data directory. A child whose parent was killed ends by itself
 * within moments; this waits for it, and ends it when it does not. Throws when the directory
 * belongs to a living process that is no such child.
 */
export async function lockDirectory(dataDirectory: string): Promise<() => void> {
  const path = join(dataDirectory, 'host.pid');
  const deadline = Date.now() + waitMs;
  for (
    let owner = isCopy(dataDirectory) ? null : readOwner(path);
    owner !== null && isAlive(owner);
  ) {
    if (Date.now() > deadline) {
      if (!isHost(owner)) {
        throw new Error(
          `process ${owner} holds ${dataDirectory}: stop it first; if it has nothing to do with this directory, remove ${path}`,
        );
      }
      process.kill(owner, 'SIGKILL');
    }
    await sleep(20);
    owner = readOwner(path);
  }
  // The place first: a copy made in between must not hold the number alone.
  replace(join(dataDirectory, placeName), placeOf(dataDirectory));
  replace(path, String(process.pid));
  return () => rmSync(path, { force: true });
}

/** What the directory was called by the file system when it was held last. */
const placeName = 'host.place';

/**
 * A directory that was copied, or restored from a copy, is another one than the process of its
 * `host.pid` holds. One that was only moved is the same.
 */
function isCopy(dataDirectory: string): boolean {
  try {
    return readFileSync(join(dataDirectory, placeName), 'utf8') !== placeOf(dataDirectory);
  } catch {
    return false;
  }
}

function placeOf(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return `${dev}:${ino}`;
}

function replace(path: string, content: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

function readOwner(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 && pid !== process.pid ? pid : null;
  } catch {
    return null;
  }
}

/** A pid may have been given to another program since; only another child of this kind counts. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const line = commandLine(pid);
  return line === '' ? !holdsNothing(pid) : (line?.includes(marker) ?? true);
}

function isHost(pid: number): boolean {
  return commandLine(pid)?.includes(marker) ?? false;
}

/**
 * Of a process without a command line. One that ends loses that first, and its files with its last
 * thread: then it is a zombie alone, until its parent takes notice, however late that is. Threads
 * of the kernel never have one.
 */
function holdsNothing(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the program's name, which may have any characters; `proc_pid_stat(5)`.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if ((Number(fields[6]) & kernelThreadFlag) !== 0) return true;
    return fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1;
  } catch {
    // It is gone by now.
    return true;
  }
}

/** Empty once its memory is gone; null where the system has no `/proc`. */
function commandLine(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return null;
  }
}
