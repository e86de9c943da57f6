import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';

/** A folder outside the repository in which commands run as a user's shell runs them. */
export class Project {
  /** @type {import('node:child_process').ChildProcess | null} */
  #server = null;

  /**
   * @param {string} directory
   * @param {{ readonly node?: string, readonly port: number }} options `node` is the binary that
   * the project's commands find first
   */
  constructor(directory, { node = process.execPath, port }) {
    this.directory = directory;
    this.url = `http://127.0.0.1:${port}`;
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('TICKLOOM_'));
    this.environment = {
      ...Object.fromEntries(own),
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      TICKLOOM_PORT: String(port),
      TICKLOOM_URL: this.url,
      // A server of its own has data of its own.
      TICKLOOM_DATA_DIR: join(directory, `.tickloom-${port}`),
      // What npm tells the scripts that it runs is of this repository, not of the project.
      npm_config_prefix: undefined,
      INIT_CWD: undefined,
      npm_config_local_prefix: undefined,
      npm_package_json: undefined,
    };
  }

  /**
   * Runs a script by `bash`; rejects, with what it printed, unless it succeeds.
   *
   * @param {string} script
   * @returns {Promise<string>} its standard output
   */
  run(script) {
    const text = script.replaceAll('http://127.0.0.1:4800', this.url);
    const options = { cwd: this.directory, env: this.environment, maxBuffer: 2 ** 26 };
    return new Promise((resolve, reject) => {
      const child = execFile(
        'bash',
        ['-euo', 'pipefail', '-c', text],
        options,
        (error, out, err) => {
          if (error === null) resolve(out);
          else {
            const failure = new Error(`in ${this.directory}:\n${text}\n${out}\n${err}`);
            reject(Object.assign(failure, { output: out }));
          }
        },
      );
      child.stdin?.end();
    });
  }

  /**
   * Runs a command that goes on for ever until it has printed something.
   *
   * @param {string} command
   * @param {RegExp} awaited
   */
  async runUntil(command, awaited) {
    const child = this.#spawn(command);
    let said = '';
    const seen = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          said += chunk;
          if (awaited.test(said)) resolve(true);
        });
      }
    });
    const exited = new Promise((resolve) => child.once('exit', () => resolve(false)));
    const late = new Promise((resolve) => setTimeout(resolve, 60_000, false).unref());
    const isSeen = await Promise.race([seen, exited, late]);
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    if (!isSeen) throw new Error(`${command} printed no ${awaited}:\n${said}`);
  }

  /** @param {string} command */
  #spawn(command) {
    return spawn('bash', ['-c', `exec ${command}`], {
      cwd: this.directory,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: npx, npm and what they run are ended as one.
      detached: true,
    });
  }

  /**
   * Runs a command that starts a server, and waits until it is ready.
   *
   * @param {string} command
   */
  async startServer(command) {
    await this.stopServer('SIGTERM');
    const child = this.#spawn(command);
    this.#server = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said = (said + chunk).slice(-20_000);
      });
    }
    const deadline = Date.now() + 60_000;
    while (!(await isReady(this.url))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${command} in ${this.directory} did not come up:\n${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** @param {'SIGTERM' | 'SIGKILL'} signal */
  async stopServer(signal) {
    const child = this.#server;
    this.#server = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, signal);
    await exited;
    while (await isReady(this.url)) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @param {string} url */
async function isReady(url) {
  const answer = await fetch(`${url}/readyz`).catch(() => null);
  return answer?.ok === true;
}

/** A port of loopback that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : 0));
    });
  });
}
