import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { writeFully } from '../../engine/disk/storage.ts';
import type { Durability } from '../../engine/log/commit-log.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import type { LogReport } from '../../engine/log/recover-segments.ts';
import { commitLogConformance } from '../log/commit-log-conformance.ts';
import { RecordingListener } from '../log/listener.ts';

const made: string[] = [];

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-log-'));
  made.push(directory);
  return directory;
}

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
});

for (const durability of [
  { mode: 'strict' },
  { mode: 'interval', syncEveryMs: 5 },
  { mode: 'none' },
] satisfies Durability[]) {
  commitLogConformance(`the file log on real files (${durability.mode})`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tickloom-log-'));
    return {
      open: () => openFileLog({ directory, durability, segmentBytesMax: 10_000 }),
      remove: () => rm(directory, { recursive: true, force: true }),
    };
  });
}

describe('files of this machine', () => {
  test('read what was written, through and not, in parts, and end where they end', async () => {
    const directory = join(await newDirectory(), 'a', 'b');
    await nodeStorage.makeDirectory(directory);
    await nodeStorage.makeDirectory(directory);
    const file = await nodeStorage.create(join(directory, 'f'));
    await writeFully(file, 'write', [Buffer.from('ab'), Buffer.from(''), Buffer.from('cd')], 0);
    await writeFully(file, 'writeThrough', [Buffer.from('efgh')], 6);
    await file.sync();
    const target = Buffer.alloc(20);
    expect(await file.read(target, 0)).toBe(10);
    expect(target.subarray(0, 10).toString('latin1')).toBe('abcd\0\0efgh');
    expect(await file.read(target, 8)).toBe(2);
    await file.truncate(3);
    expect(await file.size()).toBe(3);
    await file.close();
    expect(await nodeStorage.list(directory)).toEqual(['f']);
  });

  test('answer with the codes of the operating system', async () => {
    const directory = await newDirectory();
    await writeFile(join(directory, 'f'), 'x');
    await expect(nodeStorage.create(join(directory, 'f'))).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(nodeStorage.open(join(directory, 'g'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(nodeStorage.remove(join(directory, 'g'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('the lock of a directory', () => {
  test('is refused to a second taker, with the process that holds it, until it is released', async () => {
    const directory = await newDirectory();
    const lock = await nodeStorage.lock(directory);
    await expect(nodeStorage.lock(directory)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
    await lock.release();
    await (await nodeStorage.lock(directory)).release();
  });

  test('is taken by one of many that ask at once', async () => {
    const directory = await newDirectory();
    const asked = await Promise.allSettled(
      Array.from({ length: 10 }, () => nodeStorage.lock(directory)),
    );
    const taken = asked.filter((outcome) => outcome.status === 'fulfilled');
    expect(taken.length).toBe(1);
    for (const { value } of taken) await value.release();
  });

  test('is seen through the socket in the directory, as from another container', async () => {
    const directory = await newDirectory();
    const server = createServer((socket) => socket.end('4711'));
    server.listen(join(directory, 'lock.sock'));
    await once(server, 'listening');
    await expect(nodeStorage.lock(directory)).rejects.toThrow('pid 4711');
    await new Promise((done) => server.close(done));
    await (await nodeStorage.lock(directory)).release();
  });

  test('works in a directory whose name is too long for a socket', async () => {
    const directory = join(await newDirectory(), 'd'.repeat(120));
    await nodeStorage.makeDirectory(directory);
    const lock = await nodeStorage.lock(directory);
    await expect(nodeStorage.lock(directory)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await lock.release();
  });
});

describe('a process killed under load', () => {
  const children: ChildProcess[] = [];

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function appendUntilKilled(directory: string, durability: Durability) {
    const here = (name: string) =>
      fileURLToPath(new URL(`../log/process/${name}`, import.meta.url));
    const child = spawn(
      process.execPath,
      [
        '--import',
        here('load-typescript.mjs'),
        here('append-until-killed.mjs'),
        directory,
        JSON.stringify(durability),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout }) };
  }

  test('loses nothing it acknowledged, leaves no lock, and is refused while it lives', async () => {
    const directory = await newDirectory();
    for (const durability of [
      { mode: 'strict' },
      { mode: 'interval', syncEveryMs: 50 },
      { mode: 'none' },
    ] satisfies Durability[]) {
      const { child, lines } = appendUntilKilled(directory, durability);
      let acknowledged = 0;
      let first = 0;
      for await (const line of lines) {
        acknowledged = Number(line);
        if (first === 0) {
          first = acknowledged;
          await expect(openFileLog({ directory, durability })).rejects.toThrow(`pid ${child.pid}`);
        }
        if (acknowledged > first + 300) child.kill('SIGKILL');
      }
      let report: LogReport | null = null;
      let next = 1;
      const log = await openFileLog({
        directory,
        durability,
        onRecord: ({ lsn, payload }) => {
          expect(lsn).toBe(next++);
          expect(payload.byteLength).toBe((lsn * 37) % 3000);
          expect(payload.every((byte) => byte === (lsn & 0xff))).toBe(true);
        },
        onReport: (found) => {
          report = found;
        },
      });
      expect(report).toMatchObject({ sealed: false });
      expect(log.durableLsn).toBeGreaterThanOrEqual(acknowledged);
      const listener = new RecordingListener(log);
      const lsn = log.durableLsn + 1;
      log.append([Buffer.alloc((lsn * 37) % 3000, lsn)]);
      await listener.durable(lsn);
      await log.close();
    }
  });
});
