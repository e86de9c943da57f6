import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, program } from './code-blocks.mjs';

/** @typedef {import('./project.mjs').Project} Project */

/** What the README says for this repository's own folder; CI runs it as it stands in `.ci/run`. */
const inClone = /^(npm ci && )?npm (start|test|run (check|check:packages|pack|soak))$/;

/**
 * Installs as the README says, then does everything that it shows, in its order.
 *
 * @param {Project} project
 * @param {string} root
 * @param {(text: string) => void} say
 */
export async function followReadme(project, root, say) {
  const path = join(root, 'README.md');
  const blocks = codeBlocks(path);
  const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;
  const installs = blocks.flatMap((block) => commandsOf(block)).filter(isInstall);
  if (installs.length !== 1) throw new Error(`${path} tells ${installs.length} ways to install`);
  await project.run(installs[0].command);
  say('both packages install as README.md says');
  await project.startServer('npx tickloom start');

  /** @type {Promise<unknown>[]} */
  const playing = [];
  for (const block of blocks) {
    await at(`${path}:${block.line}`, async () => {
      if (block.language === 'ts') return runTypeScript(project, block.text);
      const commands = commandsOf(block);
      if (commands.every(({ command }) => inClone.test(command) || isInstall({ command }))) {
        for (const { command } of commands) checkScripts(command, scripts);
      } else if (commands.some(({ comment }) => comment.includes('kill -9'))) {
        await breakIt(project, commands[0]?.command ?? '');
      } else if (commands.some(({ command }) => command.includes('--speed'))) {
        // At ten times real time: the rest goes on while it plays, as a reader would.
        playing.push(project.run(block.text));
        playing[0]?.catch(() => {}); // It is awaited later.
        await committed(project, 50);
      } else if (commands[0]?.command.startsWith('npx tickloom start')) {
        await Promise.all(playing);
        await project.startServer(commands[0].command);
      } else {
        checkAnswer(await project.run(block.text));
      }
    });
  }
  await Promise.all(playing);
  say('README.md works, command by command');
}

/**
 * Does what the SDK's README shows, as one program, against a sandbox without data.
 *
 * @param {Project} project
 * @param {string} root
 */
export async function followSdkReadme(project, root) {
  const path = join(root, 'sdk', 'README.md');
  const blocks = codeBlocks(path);
  await project.startServer('npx tickloom start');
  for (const block of blocks.filter(({ language }) => language === 'sh')) {
    const commands = commandsOf(block).filter((command) => !isInstall(command));
    await at(`${path}:${block.line}`, () => project.run(commands.map((c) => c.command).join('\n')));
  }
  const code = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
  await at(path, () => runTypeScript(project, code.join('\n'), 'sdk-readme.ts'));
}

/** @param {{ readonly text: string, readonly language: string }} block */
function commandsOf({ text, language }) {
  if (language !== 'sh') return [];
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [, command = '', comment = ''] = /^(.*?)(?:\s+# (.*))?$/.exec(line) ?? [];
      return { command, comment };
    });
}

/** @param {{ readonly command: string }} command */
function isInstall({ command }) {
  return command.startsWith('npm install ');
}

/** @param {string} command @param {Readonly<Record<string, string>>} scripts */
function checkScripts(command, scripts) {
  for (const [, run, name] of command.matchAll(/npm (run )?([\w:]+)/g)) {
    const isScript = run !== undefined || name === 'start' || name === 'test';
    if (isScript && scripts[name] === undefined) throw new Error(`there is no script "${name}"`);
  }
}

/**
 * A module whose default export is a title becomes `title.ts`; anything else is compiled and run.
 *
 * @param {Project} project
 * @param {string} text
 * @param {string} [name] of the file
 */
async function runTypeScript(project, text, name = 'readme.ts') {
  const isTitle = text.includes('export default defineTitle');
  writeFileSync(
    join(project.directory, isTitle ? 'title.ts' : name),
    isTitle ? text : program([text.replaceAll('http://127.0.0.1:4800', project.url)]),
  );
  if (!isTitle) await project.run(`npx tsc && npx tsx ${name}`);
}

/**
 * Kills the server in the middle of an import, starts it and imports again.
 *
 * @param {Project} project
 * @param {string} command
 */
async function breakIt(project, command) {
  const before = await committedTicks(project);
  const first = project.run(command).catch(() => {}); // Its server dies.
  await committed(project, before + 200);
  await project.stopServer('SIGKILL');
  await project.startServer('npx tickloom start');
  await first;
  await project.run(command);
}

/** @param {string} answer of a command: GraphQL answers 200 to what it refuses, too */
function checkAnswer(answer) {
  if (answer.includes('"errors"')) throw new Error(answer);
}

/** Until the server has committed so many ticks. @param {Project} project @param {number} ticks */
async function committed(project, ticks) {
  const deadline = Date.now() + 60_000;
  while ((await committedTicks(project)) < ticks) {
    if (Date.now() > deadline) throw new Error(`no ${ticks} ticks within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @param {Project} project */
async function committedTicks(project) {
  const metrics = await fetch(`${project.url}/metrics`).then((answer) => answer.text());
  const count = /^tickloom_commit_seconds_count(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1];
  return Number(count ?? 0);
}

/**
 * Names the place of the page where something failed.
 *
 * @param {string} place
 * @param {() => Promise<unknown>} run
 */
async function at(place, run) {
  try {
    await run();
  } catch (cause) {
    throw new Error(`${place} does not work`, { cause });
  }
}
