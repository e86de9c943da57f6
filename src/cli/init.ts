import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { manifestHash } from '../../engine/index.ts';
import { UsageError, verb } from './fail.ts';
import { npm } from './init/npm.ts';
import { projectFiles } from './init/project-files.ts';
import { type ProjectNames, projectNames } from './init/project-name.ts';
import { packOwnTarballs, type Tarballs, tarballsIn } from './init/tarballs.ts';
import { loadManifest } from './load-manifest.ts';

interface InitFlags {
  readonly name?: string;
  readonly title?: string;
  readonly packages?: string;
  readonly install: boolean;
  readonly json?: true;
}

export function addInit(program: Command): void {
  program
    .command('init')
    .argument('<directory>', 'a folder that is not there yet, or empty')
    .description(
      "Make a studio's project: a title in TypeScript, its generated SDK, a game server with two bots, a subscriber, an analytics script and a test.",
    )
    .option('--name <name>', "The project's name for npm. (default: the folder's)")
    .option('--title <title>', "The title's name, part of URLs. (default: follows from the name)")
    .option(
      '--packages <directory>',
      'Take the tarballs of tickloom and @tickloom/sdk from this folder. (default: those of this installation)',
    )
    .option('--no-install', 'Write the project and install nothing, for a machine without network.')
    .option('--json', 'Print what was made as one line of JSON.')
    .action(verb(init));
}

/** What can be refused is refused before anything is written. */
async function init(directory: string, flags: InitFlags): Promise<void> {
  checkEmpty(directory);
  const names = projectNames(directory, flags);
  const tarballs =
    flags.packages === undefined ? await packOwnTarballs() : tarballsIn(flags.packages);
  let files: ReadonlyMap<string, string>;
  try {
    if (flags.install) await checkRegistry();
    files = writeProject(directory, names, tarballs);
  } finally {
    tarballs.discard();
  }
  const manifest = await loadManifest(join(directory, 'title.ts'));
  const { generateSdk } = await import('@tickloom/sdk/generate');
  const hash = manifestHash(manifest);
  const command = 'npm run generate';
  write(join(directory, 'tickloom.ts'), generateSdk(manifest, { manifestHash: hash, command }));
  if (flags.install) {
    if (!flags.json) process.stdout.write('installing …\n');
    await npm(['install'], directory).catch((error: Error) => {
      throw new Error(
        `the project is written, and npm could not install it: ${error.message}; once that is mended: cd ${directory} && npm install`,
      );
    });
  }
  tell(directory, { ...names, files: [...files.keys(), 'tickloom.ts'].sort() }, flags);
}

function writeProject(
  directory: string,
  names: ProjectNames,
  { tickloom, sdk }: Tarballs,
): ReadonlyMap<string, string> {
  const files = projectFiles(names, { tickloom: basename(tickloom), sdk: basename(sdk) });
  for (const [name, text] of files) write(join(directory, name), text);
  mkdirSync(join(directory, 'packages'));
  for (const path of [tickloom, sdk]) {
    copyFileSync(path, join(directory, 'packages', basename(path)));
  }
  return files;
}

function checkEmpty(directory: string): void {
  if (!existsSync(directory)) return;
  if (!statSync(directory).isDirectory()) throw new UsageError(`${directory} is not a folder`);
  const names = readdirSync(directory).filter((name) => name !== '.git');
  if (names.length === 0) return;
  const shown = names.slice(0, 3).join(', ');
  throw new UsageError(
    `${directory} is not empty (${shown}${names.length > 3 ? ', …' : ''}); give a folder that is not there yet`,
  );
}

/** Asks for a package that the project needs, by the same client and settings that will install it. */
async function checkRegistry(): Promise<void> {
  const args = [
    'view',
    'apache-arrow',
    'version',
    '--fetch-retries',
    '0',
    '--fetch-timeout',
    '20000',
  ];
  await npm(args, '.').catch((error: Error) => {
    throw new Error(
      `npm cannot reach its registry: ${error.message}; nothing is written. With --no-install the project is written without being installed`,
    );
  });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface Made {
  readonly name: string;
  readonly title: string;
  readonly files: readonly string[];
}

function tell(directory: string, made: Made, flags: InitFlags): void {
  if (flags.json) {
    const installed = flags.install;
    process.stdout.write(
      `${JSON.stringify({ directory: resolve(directory), ...made, installed })}\n`,
    );
    return;
  }
  const place = relative('.', directory) || '.';
  process.stdout.write(
    `${[
      `${made.name}: a title of its own, "${made.title}", in ${place}`,
      '',
      `  cd ${place}`,
      ...(flags.install ? [] : ['  npm install']),
      '  npm test             # plays a match against a sandbox of its own',
      '  npm start            # the sandbox',
      '  npm run game         # two bots, in another terminal',
      '  npm run watch        # the scoreboard, live',
      '  npm run analytics    # how orders ended',
      '',
    ].join('\n')}\n`,
  );
}
