import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  clearDeadSocketFolders,
  makeSocketFolder,
  socketIn,
} from '../../engine/columns/socket-folder.ts';

/** The number of a process that has ended. */
const deadPid = spawnSync(process.execPath, ['--version']).pid;
const longAgo = new Date(Date.now() - 3_600_000);

function folderOf(pid: number, changed: Date): string {
  const folder = join(dirname(makeOwn()), `tickloom-socket-${pid}-${Math.random()}`);
  mkdirSync(folder);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  utimesSync(folder, changed, changed);
  return folder;
}

function makeOwn(): string {
  const folder = makeSocketFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('removes what a process left that was killed with its child, and nothing else', async () => {
  const left = folderOf(deadPid, longAgo);
  const justMade = folderOf(deadPid, new Date());
  const ofLiving = folderOf(process.pid, longAgo);
  const listened = folderOf(deadPid, longAgo);
  const own = makeOwn();
  expect(dirname(own)).toBe(tmpdir());
  // A socket of another container, whose processes are not seen here.
  const server = createServer().listen(socketIn(listened));
  onTestFinished(() => void server.close());
  utimesSync(listened, longAgo, longAgo);
  await clearDeadSocketFolders();
  const there = [left, justMade, ofLiving, listened, own].map((folder) => existsSync(folder));
  expect(there).toEqual([false, true, true, true, true]);
});
