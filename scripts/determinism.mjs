// Plays a generated match on this Node, then replays its log under other versions of Node and
// compares every state hash. `npm run determinism`; other Nodes come from npm (packages node-<platform>).
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const versions = ['22', '24'];
const cli = new URL('../dist/src/cli/main.js', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'tickloom-determinism-'));
const data = join(directory, 'data');

/** @param {string} version */
function nodeOf(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(directory, `node-${version}`);
  execFileSync('npm', ['install', '--silent', '--prefix', prefix, `${name}@${version}`]);
  return join(prefix, 'node_modules', name, 'bin', 'node');
}

/** @param {string} node */
function replay(node) {
  const args = [cli, 'replay', 'verify', '--data-dir', data, '--json'];
  return JSON.parse(execFileSync(node, args, { encoding: 'utf8' }));
}

async function play() {
  const server = spawn(
    process.execPath,
    [cli, 'start', '--port', '0', '--data-dir', data, '--json'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const exited = new Promise((resolve) => server.once('exit', resolve));
  try {
    const [line] = await new Promise((resolve) => server.stdout.once('data', (d) => resolve([d])));
    const { url } = JSON.parse(String(line));
    execFileSync(process.execPath, [cli, 'import', '--url', url, '--ticks', '3000'], {
      stdio: 'ignore',
    });
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
}

try {
  await play();
  const hashes = new Map();
  for (const node of [process.execPath, ...versions.map(nodeOf)]) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    const { sessions, witnessed, divergence } = replay(node);
    const [session] = sessions;
    hashes.set(version, session.stateHash);
    console.log(`${version}  ${session.ticks} ticks, ${witnessed} witnessed  ${session.stateHash}`);
    if (divergence) throw new Error(`${version} diverges: ${JSON.stringify(divergence)}`);
  }
  if (new Set(hashes.values()).size !== 1) throw new Error('the versions of Node disagree');
  console.log('every version of Node comes to the same state');
} finally {
  rmSync(directory, { recursive: true, force: true });
}
