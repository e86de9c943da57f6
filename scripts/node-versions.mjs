// The versions of Node that Tickloom runs on, and where to get each: from npm (node-<platform>).
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const nodeVersions = ['20', '22', '24'];

const installMs = 60_000;

/**
 * The binary of a version of Node, installed below `directory` unless this process runs on it.
 * Null where npm has none for this machine, or cannot be reached; that is said.
 *
 * @param {string} version
 * @param {string} directory
 */
export function nodeOfVersion(version, directory) {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(directory, `node-${version}`);
  const quietly = ['--loglevel', 'error', '--no-audit', '--no-fund', '--fetch-retries', '1'];
  const args = [
    'install',
    ...quietly,
    '--fetch-retry-mintimeout',
    '1000',
    '--fetch-retry-maxtimeout',
    '5000',
    '--prefix',
    prefix,
  ];
  try {
    execFileSync('npm', [...args, `${name}@${version}`], {
      timeout: installMs,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const node = join(prefix, 'node_modules', name, 'bin', 'node');
    execFileSync(node, ['--version']);
    return node;
  } catch (error) {
    const reason = String(error.stderr ?? error)
      .trim()
      .split('\n')[0];
    console.log(
      `SKIPPED: Node ${version} could not be had from npm (${name}@${version}): ${reason}`,
    );
    return null;
  }
}
