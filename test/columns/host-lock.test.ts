import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { forgetChild, noteChild, outwaitFormerChild } from '../../engine/columns/former-child.ts';
import { lockDirectory } from '../../engine/disk/directory-lock.ts';
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

const noteOf = (folder: string) => join(folder, 'host.pid');
const data = (folder: string) => join(folder, 'data');

/** A folder with a child's data in it, as a parent has it. */
function newFolder(name: string): string {
  const folder = join(directory.path, name);
  mkdirSync(data(folder), { recursive: true });
  return folder;
}

describe("the column store's data", () => {
  it.runIf(existsSync('/proc/self/stat'))(
    'are free once the child that held them has ended, however late its parent takes notice',
    async () => {
      const folder = newFolder('ended');
      // The shell becomes a program that knows nothing of the shell's children.
      const holder = holderOf(data(folder)).map((word) => `'${word}'`);
      const { pid } = await started(['sh', '-c', `${holder.join(' ')} & exec sleep 30`]);
      noteChild(folder, data(folder), pid);
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '));
      await outwaitFormerChild(folder, data(folder));
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    },
  );

  it.runIf(existsSync('/proc/self/stat'))(
    'are taken from a child that hangs, which is ended, and from no other process',
    async () => {
      const folder = newFolder('hanging');
      const { parent, pid } = await started(holderOf(data(folder)));
      noteChild(folder, data(folder), pid);
      process.kill(pid, 'SIGSTOP');
      const ended = once(parent, 'exit');
      await outwaitFormerChild(folder, data(folder), 500);
      expect(await ended).toEqual([null, 'SIGKILL']);
      const lock = await lockDirectory(data(folder));
      await expect(outwaitFormerChild(folder, data(folder), 500)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(`pid ${process.pid}`),
      });
      await lock.release();
    },
  );

  it.runIf(existsSync('/proc/self/stat'))(
    'are taken from a child that hangs and whose lock is not seen, as in namespaces of its own',
    async () => {
      const folder = newFolder('unseen');
      const elsewhere = newFolder('its own');
      const { parent, pid } = await started(holderOf(data(elsewhere)));
      noteChild(folder, data(folder), pid);
      process.kill(pid, 'SIGSTOP');
      const ended = once(parent, 'exit');
      await outwaitFormerChild(folder, data(folder), 500);
      expect(await ended).toEqual([null, 'SIGKILL']);
    },
  );

  const others = [['another program', process.ppid], ...kernelThreads()] as const;
  it.each(others)('are free when the number noted belongs to %s by now', async (_, pid) => {
    const folder = newFolder(`number-${pid}`);
    noteChild(folder, data(folder), pid);
    await outwaitFormerChild(folder, data(folder), 500);
    forgetChild(folder);
    expect(existsSync(noteOf(folder))).toBe(false);
  });

  it('are free in a copy, though the process that holds the original lives', async () => {
    const original = newFolder('original');
    const copy = join(directory.path, 'copy');
    // A process with the host's program on its command line, as a child of another server has.
    const other = spawn('sh', ['-c', 'sleep 30; :', 'columns/host/main'], { stdio: 'ignore' });
    parents.push(other);
    const lock = await lockDirectory(data(original));
    noteChild(original, data(original), other.pid as number);
    // Sockets are not copied.
    cpSync(original, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    expect(existsSync(noteOf(copy))).toBe(true);
    await outwaitFormerChild(copy, data(copy), 500);
    expect(other.exitCode).toBeNull();
    expect(other.signalCode).toBeNull();
    await lock.release();
  });
});
