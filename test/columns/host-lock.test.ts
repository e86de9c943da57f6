import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { lockData } from '../../engine/columns/host/data-lock.ts';
import { temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
const parents: ChildProcess[] = [];
afterAll(() => {
  for (const parent of parents) parent.kill();
  directory.remove();
});

/** The command line of a process that holds the lock, as a child of another server does. */
function holderOf(path: string): string[] {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const loader = here('../log/process/load-typescript.mjs');
  const program = here('hold-data-lock.mjs');
  return [process.execPath, '--import', loader, program, path, 'columns/host/main'];
}

async function started(command: readonly string[]): Promise<{ parent: ChildProcess; pid: number }> {
  const [program, ...rest] = command as [string, ...string[]];
  const parent = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  parents.push(parent);
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, pid: Number(line.toString()) };
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
      // The shell becomes a program that knows nothing of the shell's children.
      const holder = holderOf(directory.path).map((word) => `'${word}'`);
      const { pid } = await started(['sh', '-c', `${holder.join(' ')} & exec sleep 30`]);
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '));
      const lock = await lockData(directory.path);
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
      await lock.release();
    },
  );

  it.runIf(existsSync('/proc/self/stat'))(
    'is taken from a child that hangs, which is ended, and from no other process',
    async () => {
      const { parent, pid } = await started(holderOf(directory.path));
      process.kill(pid, 'SIGSTOP');
      const ended = once(parent, 'exit');
      const lock = await lockData(directory.path, 500);
      expect(await ended).toEqual([null, 'SIGKILL']);
      await expect(lockData(directory.path, 500)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(`pid ${process.pid}`),
      });
      await lock.release();
    },
  );

  const others = [['another program', process.ppid], ...kernelThreads()] as const;
  it.each(others)('is free when its number belongs to %s by now', async (_, pid) => {
    writeFileSync(join(directory.path, 'host.pid'), String(pid));
    const lock = await lockData(directory.path);
    expect(readFileSync(join(directory.path, 'host.pid'), 'utf8')).toBe(String(process.pid));
    await lock.release();
    expect(existsSync(join(directory.path, 'host.pid'))).toBe(false);
  });

  it('is free in a copy, though the process that holds the original lives', async () => {
    const original = join(directory.path, 'original');
    const copy = join(directory.path, 'copy');
    mkdirSync(original);
    // A process with the host's program on its command line, as a child of another server has.
    const other = spawn('sh', ['-c', 'sleep 30; :', 'columns/host/main'], { stdio: 'ignore' });
    parents.push(other);
    const lock = await lockData(original);
    writeFileSync(join(original, 'host.pid'), String(other.pid));
    // Sockets are not copied.
    cpSync(original, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const lockOfCopy = await lockData(copy);
    expect(other.exitCode).toBeNull();
    expect(other.signalCode).toBeNull();
    await lockOfCopy.release();
    await lock.release();
  });
});
