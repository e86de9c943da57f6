// package-lock.json must list the optional packages of every platform, or `npm ci` refuses it. npm
// leaves out those that the registry in use does not hold (a mirror of one platform, say), and may
// drop those of other platforms when it installs. This fails when some are missing;
// `node scripts/lockfile.mjs --complete` adds them, with what their names and dependents say of them.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
  'wasm32',
];

/** Platform packages are named `…-linux-x64-musl`, `…-win32-arm64-msvc` and the like. */
function entryOf(name, version) {
  const words = name.split(/[/-]/);
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+/.test(version)) return null;
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : ['glibc'];
  return { version, cpu: [cpu], ...(os === 'linux' ? { libc } : {}), optional: true, os: [os] };
}

/** Whether node's resolution finds the package from the place of its dependent. */
function isLocked(name, from) {
  for (
    let place = from;
    ;
    place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))
  ) {
    if (lock.packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`]) return true;
    if (!place.includes('/node_modules/')) {
      return Boolean(lock.packages[`node_modules/${name}`]);
    }
  }
}

const missing = [];
for (const [place, entry] of Object.entries(lock.packages)) {
  const dev = entry.dev ? { dev: true } : {};
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!isLocked(name, place)) missing.push({ name, entry: entryOf(name, version), dev });
  }
}

if (missing.length === 0) {
  console.log('lockfile: holds the optional packages of every platform');
} else if (process.argv.includes('--complete')) {
  for (const { name, entry, dev } of missing) {
    if (entry === null) throw new Error(`do not know what ${name} is for`);
    lock.packages[`node_modules/${name}`] = { ...entry, ...dev };
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`lockfile: added ${missing.map(({ name }) => name).join(', ')}`);
} else {
  console.error(`lockfile: lacks ${missing.map(({ name }) => name).join(', ')}`);
  console.error('lockfile: mend it by: node scripts/lockfile.mjs --complete');
  process.exit(1);
}
