import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lchownSync, mkdirSync, rmSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { forgetChild, noteChild, outwaitFormerChild } from './former-child.ts';
import {
  type HostMessage,
  type HostOptions,
  type ParentMessage,
  poolThreads,
} from './host/host-options.ts';
import {
  childFolders,
  type HandedFile,
  HostIsolation,
  type IsolationDemand,
} from './host-isolation.ts';
import { endWithProcess } from './live-hosts.ts';
import type { ColumnLogger } from './logger.ts';
import { clearDeadSocketFolders, makeSocketFolder, socketIn } from './socket-folder.ts';

/**
 * Keeps one chDB child alive: starts it, starts it again when it dies, stops it. Requests made
 * while it is down fail; `whenUp` tells when to try again.
 */
export class EmbeddedHost {
  readonly socketPath: string;
  readonly secret: string = randomBytes(24).toString('base64url');
  readonly isolation: HostIsolation;
  readonly #logger: ColumnLogger;
  readonly #options: HostOptions;
  readonly #directory: string;
  readonly #socketDirectory: string;
  /** The child that serves; null while none does. */
  #child: ChildProcess | null = null;
  /** The child that was started last, until it is gone. */
  #process: ChildProcess | null = null;
  #up: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | null = null;
  #resumeStart: (() => void) | null = null;
  #failures = 0;
  /** The last start ended by a signal that was not ours. */
  #wasKilled = false;
  #yields = false;
  #closed = false;
  #startSeconds = 0;
  readonly #outliveProcess = endWithProcess(this);

  /**
   * Resolves when the child serves; rejects when it cannot even start. `dataDirectory` lies around
   * `directory`: its other parts are closed to the child.
   */
  static async start(
    directory: string,
    logger: ColumnLogger,
    dataDirectory: string = directory,
    demand: IsolationDemand = 'auto',
  ): Promise<EmbeddedHost> {
    void clearDeadSocketFolders();
    const folders = {
      directory: resolve(directory),
      dataDirectory: resolve(dataDirectory),
      program: hostProgram(),
    };
    const isolation = await HostIsolation.begin(folders, demand);
    const told = { isolation: isolation.detail };
    const message = 'the process of the column store is started';
    if (isolation.kind === 'none') logger.warn(told, message);
    else logger.info(told, message);
    const host = new EmbeddedHost(directory, isolation, logger);
    for (let kills = 0; ; kills++) {
      try {
        await host.#startChild();
        return host;
      } catch (error) {
        // What killed it (an operator, a machine short of memory) need not kill the next one.
        if (host.#wasKilled && kills < killsMax) continue;
        await host.close();
        throw error;
      }
    }
  }

  private constructor(directory: string, isolation: HostIsolation, logger: ColumnLogger) {
    this.#logger = logger;
    this.isolation = isolation;
    this.#directory = resolve(directory);
    this.#socketDirectory = makeSocketFolder();
    this.socketPath = socketIn(this.#socketDirectory);
    this.#options = {
      dataDirectory: resolve(directory, childFolders.data),
      scratchDirectory: resolve(directory, childFolders.scratch),
      socketPath: this.socketPath,
      secret: this.secret,
      memoryBytesMax: Math.floor(Math.max(totalmem() / 2, freemem() / 4)),
      threadsMax: 2,
      answerBytesMax: limits.columnsAnswerBytesMax,
      niceness: 10,
    };
  }

  /** How long the last start took, until the child served; 0 before the first. */
  get startSeconds(): number {
    return this.#startSeconds;
  }

  /** The child's process id; null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves once the child serves (again); rejects after `close`. */
  async whenUp(): Promise<void> {
    for (;;) {
      if (this.#closed) throw new EngineError('UNAVAILABLE', 'the column store is closed');
      await this.#up;
      if (this.#child) return;
      // The child died again; the next start begins with the event of its exit.
      await sleep(restartMs);
    }
  }

  /** Makes files that are written to this folder fit to be handed over. */
  lend(folder: string): Promise<void> {
    return this.isolation.lend(resolve(folder));
  }

  /** Lets the child read a file of a folder that was lent. Null where the file must be sent. */
  handOver(path: string): Promise<HandedFile | null> {
    return this.isolation.handOver(resolve(path));
  }

  /** From now on the child, and any that takes its place, works when a processor is idle. */
  yieldProcessors(): void {
    this.#yields = true;
    this.#tell(this.#child, { kind: 'yield' });
  }

  /** Ends a child that answers nothing any more: another one takes its place. */
  killHung(): void {
    this.#child?.kill('SIGKILL');
  }

  killNow(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#socketDirectory, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#restart) clearTimeout(this.#restart);
    this.#restart = null;
    this.#resumeStart?.();
    const child = this.#process;
    if (child) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      this.#tell(child, { kind: 'stop' });
      const impatience = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await exited;
      clearTimeout(impatience);
    }
    rmSync(this.#socketDirectory, { recursive: true, force: true });
    forgetChild(this.#directory);
    this.#outliveProcess();
  }

  async #startChild(): Promise<void> {
    const started = performance.now();
    const { account } = this.isolation;
    await outwaitFormerChild(this.#directory, this.#options.dataDirectory);
    mkdirSync(this.#socketDirectory, { recursive: true, mode: 0o700 });
    if (account) lchownSync(this.#socketDirectory, account.uid, account.gid);
    const [wrapper, ...words] = this.isolation.commandBefore(this.#socketDirectory);
    const child = fork(hostProgram(), [], {
      execArgv: wrapper === undefined ? [] : [...words, process.execPath],
      ...(wrapper === undefined ? {} : { execPath: wrapper }),
      // A terminal's signals reach its whole group, and bubblewrap would end by them.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // The folder of this process may be closed to the child's account.
      cwd: '/',
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        TZ: 'UTC',
        UV_THREADPOOL_SIZE: String(poolThreads),
      },
      ...account,
    });
    this.#process = child;
    if (child.pid !== undefined) noteChild(this.#directory, this.#options.dataDirectory, child.pid);
    // Over the channel, as whoever may look at the process sees its environment.
    this.#tell(child, { kind: 'start', options: this.#options });
    this.#wasKilled = false;
    let isLate = false;
    const impatience = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, startMsMax);
    this.#relay(child.stdout);
    this.#relay(child.stderr);
    await new Promise<void>((resolve, reject) => {
      const failed = (reason: string) =>
        reject(new EngineError('UNAVAILABLE', `the column store did not start: ${reason}`));
      child.on('error', (error) => {
        failed(error.message);
        // One that was never started has no exit either.
        if (child.pid !== undefined) return;
        clearTimeout(impatience);
        if (this.#process === child) this.#process = null;
      });
      child.on('message', (message: HostMessage) => {
        clearTimeout(impatience);
        if (message.kind === 'failed') failed(message.reason);
        else if (this.#closed) child.kill('SIGKILL');
        else {
          this.#child = child;
          this.#startSeconds = (performance.now() - started) / 1000;
          if (this.#yields) this.#tell(child, { kind: 'yield' });
          resolve();
        }
      });
      child.once('exit', (code, signal) => {
        clearTimeout(impatience);
        // Bubblewrap that is killed as it begins leaves its program alone, which ends with the channel.
        if (child.connected) child.disconnect();
        if (this.#process === child) this.#process = null;
        // Bubblewrap tells the signal that ended its program as a shell does.
        const wasKilled = signal !== null || (code ?? 0) > 128;
        this.#wasKilled = wasKilled && !isLate;
        failed(`it ended with ${signal ?? code}`);
        if (this.#child !== child) return;
        this.#child = null;
        if (this.#closed) return;
        // One that dies soon after each start must not keep the machine busy with starts.
        const lived = performance.now() - started;
        this.#failures = lived > settledMs ? 0 : this.#failures + 1;
        this.#logger.warn({ code, signal }, 'the column store ended; it is started again');
        this.#restartLater();
      });
    });
  }

  /** Sets `#up` to the next start; it never rejects, as a start that fails leads to another. */
  #restartLater(): void {
    const delayMs = Math.min(restartMs * 2 ** this.#failures, restartMsMax);
    const paused = new Promise<void>((resolve) => {
      this.#resumeStart = resolve;
      this.#restart = setTimeout(resolve, delayMs);
    });
    this.#up = paused.then(async () => {
      this.#restart = null;
      if (this.#closed) return;
      try {
        await this.#startChild();
      } catch (error) {
        this.#failures += 1;
        this.#logger.error({ error, delayMs }, 'the column store could not be started');
        if (!this.#closed) this.#restartLater();
      }
    });
  }

  /** Sends the child a message; a child that is gone is not told. */
  #tell(child: ChildProcess | null, message: ParentMessage): void {
    child?.send(message, () => {});
  }

  #relay(stream: Readable | null): void {
    if (!stream) return;
    createInterface({ input: stream }).on('line', (line) => {
      this.#logger.info({ line }, 'column store');
    });
  }
}

/** Opening a large directory takes seconds, not minutes. */
const startMsMax = 60_000;
/** So often it may be killed before it serves. */
const killsMax = 3;
const stopMs = 5_000;
const restartMs = 25;
const restartMsMax = 5_000;
/** A child that lived so long is no failure of its start. */
const settledMs = 10_000;

/** The child runs compiled: beside this file when that is compiled too, else from `dist`. */
function hostProgram(): string {
  const here = import.meta.url.endsWith('.ts')
    ? '../../dist/engine/columns/host/main.js'
    : './host/main.js';
  const path = fileURLToPath(new URL(here, import.meta.url));
  if (!existsSync(path)) {
    throw new EngineError('UNAVAILABLE', 'the column store is not built: run `npm run build`');
  }
  return path;
}
