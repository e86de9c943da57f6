// Packs `tickloom` and `@tickloom/sdk`, installs them into an empty project outside this repository,
// and does there what the READMEs say, command by command and line by line, on each Node that is
// supported. Fails on whatever does not work. `npm run check:packages`; `-- --keep` leaves the
// folder for a look.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeOfVersion, nodeVersions } from './node-versions.mjs';
import {
  checkTypeScript,
  typeScriptPackages,
  typeScriptVersions,
} from './packages/check-typescript.mjs';
import { followReadme, followSdkReadme } from './packages/follow-readmes.mjs';
import { followTutorial } from './packages/follow-tutorial.mjs';
import { packageProblems } from './packages/lint-package.mjs';
import { freePort, Project } from './packages/project.mjs';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const root = fileURLToPath(new URL('..', import.meta.url));
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tickloom-packages-')));
/** @type {Project[]} */
const projects = [];
const started = performance.now();
/** As `tsc --init` has it, for a program that `tsx` runs. */
const tsconfig = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  },
  include: ['*.ts'],
};

/** @param {string} text */
function say(text) {
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
}

/** @param {string} name @param {{ readonly node?: string }} [options] */
async function projectAt(name, options = {}) {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  const project = new Project(path, { ...options, port: await freePort() });
  projects.push(project);
  return project;
}

function pack() {
  try {
    execFileSync('npm', ['run', '--silent', 'pack'], { cwd: root, encoding: 'utf8' });
  } catch (error) {
    throw new Error(`npm run pack failed:\n${error.stdout}`);
  }
}

async function main() {
  // The READMEs call the clone `../tickloom`.
  symlinkSync(root, join(directory, 'tickloom'));
  pack();
  const packed = join(root, 'dist-packages');
  for (const name of readdirSync(packed)) {
    const problems = await packageProblems(join(packed, name));
    if (problems.length > 0) throw new Error(`${name}:\n${problems.join('\n')}`);
    say(`${name} passes publint and attw`);
  }

  const project = await projectAt('project');
  await project.run('npm init -y && npm pkg set type=module');
  writeFileSync(join(project.directory, 'tsconfig.json'), JSON.stringify(tsconfig));
  // A package that does not take the Node at hand is an error, not a warning. Helpers of graphql-yoga
  // (`@graphql-tools/*`), whose newest releases ask for Node 22, are therefore pinned in package.json.
  writeFileSync(join(project.directory, '.npmrc'), 'engine-strict=true\nfund=false\naudit=false\n');
  await project.run(
    `npm install --save-dev typescript@6.0 tsx @types/node@20 ${typeScriptPackages.join(' ')}`,
  );
  await followReadme(project, root, say);
  await project.stopServer('SIGTERM');

  const made = await projectAt('project/my-game');
  rmSync(made.directory, { recursive: true });
  await followTutorial(project, made, root);
  say('docs/your-own-title.md works, from an empty folder to a change of the manifest');

  for (const version of nodeVersions) {
    const node = nodeOfVersion(version, directory);
    if (node === null) continue;
    const other = await projectAt('project', { node });
    await followSdkReadme(other, root);
    await other.stopServer('SIGTERM');
    await (await projectAt('project/my-game', { node })).run('npm test && npm run generate');
    say(
      `the SDK's README and the made project work on Node ${(await other.run('node --version')).trim()}`,
    );
  }
  await checkTypeScript(project);
  say(`both READMEs compile under TypeScript ${typeScriptVersions.join(', ')}`);
}

try {
  await main();
  say('both packages install and work as their READMEs say');
} finally {
  for (const project of projects) await project.stopServer('SIGKILL');
  if (values.keep) console.log(`kept: ${directory}`);
  else rmSync(directory, { recursive: true, force: true });
}
