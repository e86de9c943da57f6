import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks } from './code-blocks.mjs';

/** @typedef {import('./project.mjs').Project} Project */

/**
 * Does what `docs/your-own-title.md` says: makes the project with `init` as it is installed, writes
 * the page's files, changes its manifest, and runs every command.
 *
 * @param {Project} installed a project that has both packages
 * @param {Project} made the folder that the page makes, beside them
 * @param {string} root
 */
export async function followTutorial(installed, made, root) {
  const path = join(root, 'docs', 'your-own-title.md');
  let project = installed;
  for (const block of codeBlocks(path)) {
    try {
      if (block.language !== 'sh') writeBlock(made, block);
      else if (block.text.trim() === 'npm start') await project.startServer('npm start');
      else await project.run(block.text);
    } catch (cause) {
      throw new Error(`${path}:${block.line} does not work`, { cause });
    }
    if (block.text.includes('cd my-game')) project = made;
  }
  await Promise.all([
    project.runUntil('npm run watch', /player 1: -?\d+ credits/),
    project.run('npm run game -- --ticks 30 --tick-ms 100'),
  ]);
  await refuseOtherTitle(project);
  await project.stopServer('SIGTERM');
}

/** What the page's last words say. @param {Project} project */
async function refuseOtherTitle(project) {
  await project.stopServer('SIGTERM');
  const path = join(project.directory, 'title.ts');
  const title = readFileSync(path, 'utf8');
  writeFileSync(path, title.replace('ownerId: t.u32()', 'ownerId: t.u64()'));
  const refused = await project.startServer('npm start').then(
    () => false,
    (error) => String(error).includes('units.ownerId changed its type'),
  );
  if (!refused) throw new Error('a column of another type is not refused');
  writeFileSync(path, title);
  await project.startServer('npm start');
}

/**
 * A block that is a file, or lines that go into one.
 *
 * @param {Project} project
 * @param {import('./code-blocks.mjs').CodeBlock} block
 */
function writeBlock(project, { info, text }) {
  const [name = '', where, ...words] = info.split(' ');
  const path = join(project.directory, name);
  if (where === undefined) return writeFileSync(path, text);
  const lines = readFileSync(path, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes(words.join(' ')));
  if (at < 0) throw new Error(`${name} has no line with "${words.join(' ')}"`);
  lines.splice(where === 'after' ? at + 1 : at, 0, ...text.trimEnd().split('\n'));
  writeFileSync(path, lines.join('\n'));
}
