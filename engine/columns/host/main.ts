/**
 * The child process that hosts chDB and serves ClickHouse's HTTP interface on a socket only its
 * parent knows. It never outlives the parent: when the channel ends, for whatever reason, it ends.
 */
import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import type { HostMessage, HostOptions, ParentMessage } from './host-options.ts';
import { optionsVariable } from './host-options.ts';
import { yieldProcessors } from './yield-processors.ts';

const options = JSON.parse(process.env[optionsVariable] ?? '') as HostOptions;
delete process.env[optionsVariable];

// Threads inherit the niceness of the thread that starts them, so this comes before chDB is loaded.
setPriority(options.niceness);

function end(): never {
  rmSync(dirname(options.socketPath), { recursive: true, force: true });
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

try {
  const { startHost } = await import('./host-server.ts');
  const host = await startHost(options);
  process.on('message', (message: ParentMessage) => {
    if (message.kind === 'stop') void host.close().finally(end);
    else void yieldProcessors();
  });
  tell({ kind: 'ready' });
} catch (error) {
  tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.disconnect();
}
