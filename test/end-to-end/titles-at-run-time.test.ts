import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serializeManifest } from '../../engine/index.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { controlFolder, controlSocketIn } from '../../src/storage/control-path.ts';
import { runCli, SandboxProcess, temporaryDirectory } from './cli-process.ts';

function manifestOf(title: string): string {
  const path = join(temporaryDirectory(), `${title}.json`);
  writeFileSync(path, serializeManifest({ ...ashfall, title }));
  return path;
}

/** A running server and its operator. */
class Operated {
  readonly data: string;
  server: SandboxProcess;

  private constructor(data: string, server: SandboxProcess) {
    this.data = data;
    this.server = server;
  }

  static async start(data = temporaryDirectory(), flags: readonly string[] = []) {
    return new Operated(data, await SandboxProcess.start(data, flags));
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL', flags: readonly string[] = []): Promise<void> {
    this.server.signal(signal);
    await this.server.exit;
    this.server = await SandboxProcess.start(this.data, flags);
  }

  title(...args: readonly string[]) {
    return runCli(['title', ...args, '--data-dir', this.data]);
  }

  /** Name and standing of each. */
  async standings(): Promise<Record<string, string>> {
    const { out } = await this.title('list', '--json');
    const { titles } = JSON.parse(out) as { titles: { title: string; standing: string }[] };
    return Object.fromEntries(titles.map(({ title, standing }) => [title, standing]));
  }

  /** The answer's data, or the code of its refusal. */
  async ask(title: string, role: string, query: string): Promise<unknown> {
    const { url } = this.server;
    const asked = await fetch(`${url}/sandbox/token?title=${title}&role=${role}`, {
      method: 'POST',
    });
    const authorization = `Bearer ${await asked.text()}`;
    const response = await fetch(`${url}/${title}/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = (await response.json()) as {
      data?: unknown;
      errors?: { extensions: { code: string } }[];
    };
    return errors?.[0]?.extensions.code ?? data;
  }
}

const openMatch = 'mutation { openSession(input: { sessionId: "match" }) { sessionId } }';
const match = '{ session(sessionId: "match") { sessionId } }';
const found = { session: { sessionId: 'match' } };

describe('titles of a running server', () => {
  test('are made, suspended, resumed and removed, and stand so after a crash', async () => {
    const house = await Operated.start();
    const made = await house.title('create', manifestOf('brawl'));
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^brawl {2}active since /)]);
    await house.ask('brawl', 'game-server', openMatch);
    expect(await house.ask('brawl', 'game-server', match)).toEqual(found);
    expect(await house.standings()).toEqual({ ashfall: 'active', brawl: 'active' });

    expect((await house.title('suspend', 'brawl')).code).toBe(0);
    expect(await house.ask('brawl', 'game-server', match)).toBe('UNAVAILABLE');
    const twice = await house.title('suspend', 'brawl');
    expect([twice.code, twice.err]).toEqual([1, expect.stringContaining('suspended already')]);
    await house.restart('SIGKILL');
    expect(await house.standings()).toEqual({ ashfall: 'active', brawl: 'suspended' });
    expect(await house.ask('brawl', 'game-server', match)).toBe('UNAVAILABLE');
    // The manifest of a title that is not served does not bring it back.
    await house.restart('SIGTERM', ['--manifest', manifestOf('brawl')]);
    expect(await house.standings()).toEqual({ ashfall: 'active', brawl: 'suspended' });

    expect((await house.title('resume', 'brawl')).code).toBe(0);
    expect(await house.ask('brawl', 'game-server', match)).toEqual(found);
    await house.restart('SIGKILL');
    expect(await house.ask('brawl', 'game-server', match)).toEqual(found);
  });

  test('are removed only when the name is typed again, and come back until their files go', async () => {
    const house = await Operated.start();
    await house.title('create', manifestOf('brawl'));
    await house.ask('brawl', 'game-server', openMatch);
    const directory = join(house.data, 'titles', 'brawl');

    const unsaid = await house.title('remove', 'brawl');
    expect([unsaid.code, unsaid.err]).toEqual([2, expect.stringContaining('--confirm brawl')]);
    const mistyped = await house.title('remove', 'brawl', '--confirm', 'ashfall');
    expect([mistyped.code, mistyped.err]).toEqual([1, expect.stringContaining('nothing was')]);
    const span = await house.title('remove', 'brawl', '--confirm', 'brawl', '--keep', 'ever');
    expect(span.code).toBe(2);
    expect(await house.standings()).toMatchObject({ brawl: 'active' });

    const removed = await house.title('remove', 'brawl', '--confirm', 'brawl', '--keep', '1h');
    expect(removed.code).toBe(0);
    for (const part of ['api', 'log', 'columns', 'exports', 'backups']) {
      expect(removed.out).toMatch(new RegExp(`^ {2}${part} `, 'm'));
    }
    expect(await house.ask('brawl', 'game-server', match)).toBe('UNKNOWN_TITLE');
    expect(existsSync(directory)).toBe(true);
    await house.restart('SIGKILL', ['--manifest', manifestOf('brawl')]);
    expect(await house.standings()).toMatchObject({ brawl: 'removed' });
    const taken = await house.title('create', manifestOf('brawl'));
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining('is removed')]);

    expect((await house.title('resume', 'brawl')).code).toBe(0);
    expect(await house.ask('brawl', 'game-server', match)).toEqual(found);
    await house.title('remove', 'brawl', '--confirm', 'brawl', '--keep', '0');
    expect(existsSync(directory)).toBe(false);
    const gone = await house.title('resume', 'brawl');
    expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('title create')]);
    expect((await house.title('create', manifestOf('brawl'))).code).toBe(0);
    expect(await house.ask('brawl', 'game-server', match)).toEqual({ session: null });
    // A column store that had kept rows of the removed one would not fit the new log.
    const groups = '{ actionLogGroups(by: [sessionId]) { nodes { count } } }';
    expect(await house.ask('brawl', 'analyst', groups)).toEqual({ actionLogGroups: { nodes: [] } });
  });

  test('whose time is over go at the next start', async () => {
    const house = await Operated.start();
    await house.title('create', manifestOf('brawl'));
    await house.title('remove', 'brawl', '--confirm', 'brawl', '--keep', '1d');
    const book = join(house.data, 'titles.json');
    house.server.signal('SIGKILL');
    await house.server.exit;
    const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
    writeFileSync(
      book,
      readFileSync(book, 'utf8').replace(/"purgeAt": "[^"]+"/, `"purgeAt": "${hourAgo}"`),
    );
    house.server = await SandboxProcess.start(house.data);
    const directory = join(house.data, 'titles', 'brawl');
    await expect.poll(() => existsSync(directory), { timeout: 30_000 }).toBe(false);
    await expect.poll(() => readFileSync(book, 'utf8')).not.toContain('purgeAt');
    expect(await house.standings()).toEqual({ ashfall: 'active', brawl: 'removed' });
  });

  test('that cannot be made leave nothing behind', async () => {
    const house = await Operated.start();
    const broken = join(temporaryDirectory(), 'broken.json');
    writeFileSync(broken, '{ "title": "broken" }');
    expect((await house.title('create', broken)).code).toBe(2);
    const twice = await house.title('create', manifestOf('ashfall'));
    expect([twice.code, twice.err]).toEqual([1, expect.stringContaining('is active')]);
    mkdirSync(join(house.data, 'titles', 'older', 'log'), { recursive: true });
    const older = await house.title('create', manifestOf('older'));
    expect([older.code, older.err]).toEqual([1, expect.stringContaining('--adopt')]);
    expect(await house.standings()).toEqual({ ashfall: 'active' });
    expect((await house.title('create', manifestOf('older'), '--adopt')).code).toBe(0);
    expect((await house.title('suspend', 'chess')).err).toContain('no title "chess"');
  });

  test('a damaged book ends the start and names itself and the mend', async () => {
    const data = temporaryDirectory();
    writeFileSync(join(data, 'titles.json'), '{ "format": 1, "titles": [{ "name": 7 }] }');
    const { code, err } = await runCli(['start', '--port', '0', '--data-dir', data]);
    expect([code, err]).toEqual([1, expect.stringMatching(/titles\.json is damaged.*remove it/s)]);
  });
});

describe('the socket of the operator', () => {
  test('is open to its owner alone', async () => {
    const house = await Operated.start();
    const folder = controlFolder(house.data);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const { status, socket } = spawnAs(65_534, controlSocketIn(folder));
    if (status === null) return console.warn('SKIPPED: only root can try as another user');
    expect(socket).toBe('EACCES');
  });

  test('is said to be missing where no server runs', async () => {
    const data = temporaryDirectory();
    const { code, err } = await runCli(['title', 'list', '--data-dir', data]);
    expect([code, err]).toEqual([1, expect.stringContaining(`runs on ${data}`)]);
  });

  test('is found for a data directory whose path is too long for a socket', async () => {
    const data = join(temporaryDirectory(), 'd'.repeat(120));
    mkdirSync(data);
    const house = await Operated.start(data);
    expect(await house.standings()).toEqual({ ashfall: 'active' });
  });
});

/** What a user of that id is told by the socket; `status` is null where none can be tried as. */
function spawnAs(uid: number, path: string): { status: number | null; socket: string } {
  if (process.getuid?.() !== 0) return { status: null, socket: '' };
  const script = `require('node:net').connect(${JSON.stringify(path)})
    .on('connect', () => { console.log('open'); process.exit() })
    .on('error', (error) => console.log(error.code))`;
  const { status, stdout } = spawnSync(process.execPath, ['-e', script], { uid, cwd: '/' });
  return { status, socket: String(stdout).trim() };
}
