import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli, temporaryDirectory } from './cli-process.ts';

/** No npm is asked: `--no-install`, and tarballs that are nothing but names. */
function tarballs(): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'tickloom-1.2.3.tgz'), '');
  writeFileSync(join(directory, 'tickloom-sdk-1.2.3.tgz'), '');
  return directory;
}

describe('tickloom init', () => {
  test('writes a project of the folder’s name, with its client generated and its tarballs beside it', async () => {
    const directory = join(temporaryDirectory(), 'star-duel');
    const { code, out, err } = await runCli([
      ...['init', directory, '--packages', tarballs(), '--no-install', '--json'],
    ]);
    expect([code, err]).toEqual([0, '']);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ directory, name: 'star-duel', title: 'star-duel' });
    expect(told.installed).toBe(false);
    for (const name of told.files) expect(existsSync(join(directory, name)), name).toBe(true);
    expect(told.files).toContain('.gitignore');
    expect(readdirSync(join(directory, 'packages')).sort()).toEqual([
      'tickloom-1.2.3.tgz',
      'tickloom-sdk-1.2.3.tgz',
    ]);
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(directory, 'package.json'), 'utf8'),
    );
    expect(dependencies['@tickloom/sdk']).toBe('file:packages/tickloom-sdk-1.2.3.tgz');
    expect(devDependencies.tickloom).toBe('file:packages/tickloom-1.2.3.tgz');
    const texts = told.files.map((name: string) => readFileSync(join(directory, name), 'utf8'));
    expect(texts.join('\n')).not.toMatch(/skirmish/i);
    const client = readFileSync(join(directory, 'tickloom.ts'), 'utf8');
    expect(client).toContain('export class StarDuelClient extends TitleClient<StarDuelTick>');
    expect(client).toContain('/** Who gives the order. */');
  });

  test('takes a name and a title of their own, and a folder that has nothing but git’s', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, '.git'));
    const { code, out, err } = await runCli([
      ...['init', directory, '--name', '@studio/My_Game', '--title', 'duel'],
      ...['--packages', tarballs(), '--no-install', '--json'],
    ]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/npm refuses the name "@studio\/My_Game": .*capital letters/);
    const made = await runCli([
      ...['init', directory, '--name', '@studio/my_game', '--packages', tarballs()],
      ...['--no-install', '--json'],
    ]);
    expect(JSON.parse(made.out)).toMatchObject({ name: '@studio/my_game', title: 'my-game' });
  });

  test.each<[string, (folder: string) => string[], RegExp]>([
    [
      'a folder that is not empty',
      (folder) => [join(folder, 'full')],
      /full is not empty \(a\.txt\)/,
    ],
    ['a file', (folder) => [join(folder, 'full', 'a.txt')], /a\.txt is not a folder/],
    [
      'a name that npm refuses',
      (folder) => [join(folder, 'node_modules')],
      /npm refuses the name "node_modules": .*; give another by --name/,
    ],
    [
      'a title that no URL has',
      (folder) => [join(folder, 'x'), '--title', 'Big Game'],
      /the title "Big Game": a title begins with a small letter/,
    ],
    [
      'a title that is a path of the server',
      (folder) => [join(folder, 'metrics')],
      /"metrics" is a path of the server itself.*--title/,
    ],
    [
      'a folder of packages that is not there',
      (folder) => [join(folder, 'x'), '--packages', '/nowhere'],
      /--packages \/nowhere: there is no such folder/,
    ],
    [
      'a folder without packages',
      (folder) => [join(folder, 'x'), '--packages', folder],
      /it must hold one tickloom-<version>\.tgz, and holds none/,
    ],
  ])('refuses %s, and writes nothing', async (_what, args, message) => {
    const folder = temporaryDirectory();
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'a.txt'), '');
    const given = args(folder);
    const packages = given.includes('--packages') ? [] : ['--packages', tarballs()];
    const { code, err } = await runCli(['init', ...given, ...packages, '--no-install']);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(readdirSync(folder)).toEqual(['full']);
    expect(readdirSync(join(folder, 'full'))).toEqual(['a.txt']);
  });

  test('without network says so before it writes anything, and how to do without', async () => {
    const folder = temporaryDirectory();
    const { code, err } = await runCli(
      ['init', join(folder, 'my-game'), '--packages', tarballs()],
      { npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: join(folder, 'cache') },
    );
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/npm cannot reach its registry: .*nothing is written.*--no-install/),
    ]);
    expect(existsSync(join(folder, 'my-game'))).toBe(false);
  });
});
