import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** With fewer processors what is idle would not run at all while a server is busy. */
const processorsMin = 2;

/**
 * Makes this process work when a processor is idle, where the system can do that. Threads that
 * start later inherit it from the thread that starts them.
 *
 * Niceness is not enough on Linux: a nice thread that runs keeps its processor to the end of its
 * slice, some 3 ms, from one that wakes up, and the thread that writes the log waits for it.
 * `chrt` is part of util-linux; without it niceness is all there is.
 */
export async function yieldProcessors(): Promise<void> {
  if (process.platform !== 'linux' || availableParallelism() < processorsMin) return;
  const pid = String(process.pid);
  // Twice: a thread may start another while the first goes from one to the next.
  for (let pass = 1; pass <= 2; pass++) {
    const ran = run('chrt', ['--all-tasks', '--idle', '--pid', '0', pid], { timeout: 2000 });
    await ran.catch(() => {});
  }
}
