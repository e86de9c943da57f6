import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Every benchmark, in the order they run: `npm run bench` runs all, short; with a name, that one. */
const benches = [
  'ingest',
  'swap',
  'transfers',
  'tick',
  'large-ticks',
  'recover',
  'replay',
  'checkpoint',
  'decode',
  'log-append',
  'loss-window',
  'views-fold',
  'views-fanout',
  'views-rows',
  'fanout',
  'attack',
  'guard',
  'freshness',
  'canary',
] as const;

const [name, ...rest] = process.argv.slice(2);
const chosen = benches.find((bench) => bench === name);
if (name !== undefined && !chosen && !name.startsWith('--')) {
  console.error(`there is no benchmark "${name}"; there are ${benches.join(', ')}`);
  process.exit(2);
}
if (name === '--help') {
  console.log(`npm run bench [-- <name> [options]]\n\nWithout a name all run, short. Names:`);
  console.log(benches.map((bench) => `  ${bench}`).join('\n'));
  process.exit(0);
}
const failed: string[] = [];
for (const bench of chosen ? [chosen] : benches) {
  const script = fileURLToPath(new URL(`./${bench}.js`, import.meta.url));
  const args = chosen ? rest : ['--short'];
  const child = spawn(process.execPath, [script, ...args], { stdio: 'inherit' });
  // A terminal interrupts all of its processes; others tell this one alone.
  const pass = () => child.kill('SIGTERM');
  process.once('SIGTERM', pass);
  const [code] = await once(child, 'exit');
  process.off('SIGTERM', pass);
  if (code !== 0) failed.push(bench);
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exit(1);
}
