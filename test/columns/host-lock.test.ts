import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { lockDirectory } from '../../engine/columns/host/directory-lock.ts';
import { temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
const parents: ChildProcess[] = [];
afterAll(() => {
  for (const parent of parents) parent.kill();
  directory.remove();
});

/** A process that has ended, and whose parent does not ask how. */
async function zombie(): Promise<number> {
  // The shell becomes a program that knows nothing of the shell's children.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  parents.push(parent);
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '));
  return pid;
}

/** The first one, where this process sees any. */
function kernelThreads(): [string, number][] {
  const name = '/proc/2/comm';
  const isSeen = existsSync(name) && readFileSync(name, 'utf8') === 'kthreadd\n';
  return isSeen ? [['a thread of the kernel', 2]] : [];
}

describe("the lock of the column store's data", () => {
  it.runIf(existsSync('/proc/self/stat'))(
    'is free once the child that held it has ended, however late its parent takes notice',
    async () => {
      const pid = await zombie();
      writeFileSync(join(directory.path, 'host.pid'), String(pid));
      const unlock = await lockDirectory(directory.path);
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
      unlock();
    },
  );

  const others = [['another program', process.ppid], ...kernelThreads()] as const;
  it.each(others)('is free when its number belongs to %s by now', async (_, pid) => {
    writeFileSync(join(directory.path, 'host.pid'), String(pid));
    const unlock = await lockDirectory(directory.path);
    expect(readFileSync(join(directory.path, 'host.pid'), 'utf8')).toBe(String(process.pid));
    unlock();
    expect(existsSync(join(directory.path, 'host.pid'))).toBe(false);
  });

  it('is free in a copy, though the process that holds the original lives', async () => {
    const original = join(directory.path, 'original');
    const copy = join(directory.path, 'copy');
    mkdirSync(original);
    // It has the host's program on its command line, as a child of another server has.
    const other = spawn('sh', ['-c', 'sleep 30; :', 'columns/host/main'], { stdio: 'ignore' });
    parents.push(other);
    const unlock = await lockDirectory(original);
    writeFileSync(join(original, 'host.pid'), String(other.pid));
    cpSync(original, copy, { recursive: true });
    const unlockCopy = await lockDirectory(copy);
    expect(other.exitCode).toBeNull();
    expect(other.signalCode).toBeNull();
    unlockCopy();
    unlock();
  });
});
