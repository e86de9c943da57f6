// Plays a generated match on this Node, then replays its log under every version of Node that is
// supported, and compares verdicts, change sets and state hashes, byte for byte. `npm run
// determinism`; other Nodes come from npm (packages node-<platform>). `-- --skip-missing`: a version
// that cannot be had is left out, visibly; without it that is a failure. `--ticks <n>`: how long.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeOfVersion, nodeVersions } from './node-versions.mjs';

const { values } = parseArgs({
  options: {
    'skip-missing': { type: 'boolean', default: false },
    ticks: { type: 'string', default: '3000' },
  },
});
const pathOf = (/** @type {string} */ name) => new URL(name, import.meta.url).pathname;
const cli = pathOf('../dist/src/cli/main.js');
const digestChanges = pathOf('digest-changes.mjs');
const directory = mkdtempSync(join(tmpdir(), 'tickloom-determinism-'));
const data = join(directory, 'data');

/** @param {string} node */
function replay(node) {
  const output = (/** @type {string[]} */ ...args) =>
    JSON.parse(execFileSync(node, args, { encoding: 'utf8' }));
  const report = output(cli, 'replay', 'verify', '--data-dir', data, '--json');
  const [{ ticks, stateHash }] = report.sessions;
  if (report.divergence) throw new Error(`it diverges: ${JSON.stringify(report.divergence)}`);
  const digests = output(digestChanges, join(data, 'titles', 'ashfall'));
  return { ticks, witnessed: report.witnessed, results: { ...digests, stateHash } };
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
    execFileSync(process.execPath, [cli, 'import', '--url', url, '--ticks', values.ticks], {
      stdio: 'ignore',
    });
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
}

try {
  await play();
  const found = new Set();
  let compared = 0;
  for (const wanted of nodeVersions) {
    const node = nodeOfVersion(wanted, directory);
    if (node === null && !values['skip-missing']) throw new Error(`no Node ${wanted} from npm`);
    if (node === null) continue;
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    const { ticks, witnessed, results } = replay(node);
    const text = Object.entries(results).map(([name, hash]) => `${name} ${hash.slice(0, 16)}…`);
    console.log(`${version}  ${ticks} ticks, ${witnessed} witnessed: ${text.join(', ')}`);
    found.add(JSON.stringify(results));
    compared += 1;
  }
  if (found.size !== 1) throw new Error('the versions of Node disagree');
  console.log(
    compared > 1
      ? `${compared} versions of Node come to the same verdicts, change sets and hashes`
      : 'SKIPPED: there was no second version of Node to compare with',
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
