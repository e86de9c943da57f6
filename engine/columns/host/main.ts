/**
 * The child process that hosts chDB and serves ClickHouse's HTTP interface on a socket only its
 * parent knows. It never outlives the parent: when the channel ends, for whatever reason, it ends.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { dirname } from 'node:path';
import type { HostMessage, HostOptions, ParentMessage } from './host-options.ts';
import { yieldProcessors } from './yield-processors.ts';

let socketPath: string | null = null;
/** Ends what serves, in order; null until something does. */
let stop: (() => Promise<void>) | null = null;

function end(): never {
  try {
    if (socketPath !== null) rmSync(dirname(socketPath), { recursive: true, force: true });
  } catch {
    // Within bubblewrap the folder is a mount point, and a later start removes it.
  }
  // Everything acknowledged is synced; running queries need not be waited for, and the engine's
  // own exit handlers would.
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}
process.on('disconnect', end);
// The parent decides: a terminal's signals reach the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

function tell(message: HostMessage): void {
  process.send?.(message, () => {});
}

async function start(options: HostOptions): Promise<void> {
  socketPath = options.socketPath;
  // Threads inherit the niceness of the thread that starts them, so this comes before chDB is loaded.
  beNice(options.niceness);
  try {
    const { startHost } = await import('./host-server.ts');
    const host = await startHost(options);
    stop = () => host.close();
    tell({ kind: 'ready' });
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
    process.disconnect();
  }
}

/**
 * All threads there are: queries run on those of Node's pool, which began before this. A server that
 * was started nicer than that stays so: nobody but root may take niceness back.
 */
function beNice(niceness: number): void {
  if (getPriority() >= niceness) return;
  setPriority(niceness);
  if (!existsSync('/proc/self/task')) return;
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), niceness);
}

process.on('message', (message: ParentMessage) => {
  if (message.kind === 'start') void start(message.options);
  else if (message.kind === 'yield') void yieldProcessors();
  else if (stop) void stop().finally(end);
  else end();
});
