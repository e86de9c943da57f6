import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A named pipe that ClickHouse writes an answer into and the host reads as it is written: one
 * valid stream in any format, at the reader's pace, in constant memory and without a file. (chDB's
 * own streaming query gives a complete Arrow stream a chunk, and runs its analysis on the main
 * thread.)
 */
export class AnswerPipe {
  readonly path: string;
  readonly readable: Readable;
  /** Keeps the pipe open until the query is over, however late it opens it; -1 once released. */
  #writer: number;

  static async create(path: string): Promise<AnswerPipe> {
    await run('mkfifo', ['-m', '600', path]);
    return new AnswerPipe(path);
  }

  private constructor(path: string) {
    this.path = path;
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#writer = openSync(path, constants.O_WRONLY);
    const options = { fd: reader, readable: true, writable: false, highWaterMark: 1 << 20 };
    this.readable = new Socket(options);
  }

  /** The query is over: the reader sees the end once it has read what was written. */
  finish(): void {
    if (this.#writer < 0) return;
    closeSync(this.#writer);
    this.#writer = -1;
    rmSync(this.path, { force: true });
  }

  /** Nobody reads any more: a query still writing fails. */
  destroy(): void {
    this.readable.destroy();
    this.finish();
  }
}
