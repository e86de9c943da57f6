import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const waitMs = 5_000;
const marker = 'columns/host/main';

/**
 * Keeps two children out of one data directory. A child whose parent was killed ends by itself
 * within moments; this waits for it, and ends it when it does not. Throws when the directory
 * belongs to a living process that is no such child.
 */
export async function lockDirectory(dataDirectory: string): Promise<() => void> {
  const path = join(dataDirectory, 'host.pid');
  const deadline = Date.now() + waitMs;
  for (let owner = readOwner(path); owner !== null && isAlive(owner); ) {
    if (Date.now() > deadline) {
      if (!isHost(owner)) throw new Error(`process ${owner} holds ${dataDirectory}`);
      process.kill(owner, 'SIGKILL');
    }
    await sleep(20);
    owner = readOwner(path);
  }
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  renameSync(draft, path);
  return () => rmSync(path, { force: true });
}

function readOwner(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 && pid !== process.pid ? pid : null;
  } catch {
    return null;
  }
}

/**
 * A pid may have been given to another program since; only another child of this kind counts. One
 * whose last thread has ended holds nothing, however late its new parent takes notice.
 */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const line = commandLine(pid);
  if (line === '') return hasThreads(pid);
  return line?.includes(marker) ?? true;
}

function isHost(pid: number): boolean {
  return commandLine(pid)?.includes(marker) ?? false;
}

/** Beside its first, which stays until the parent has taken notice. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Empty once its first thread has ended; null where the system has no `/proc`. */
function commandLine(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return null;
  }
}
