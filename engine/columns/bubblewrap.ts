import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** What a process within bubblewrap sees beside the system. */
export interface Sight {
  /** Covered: of it, the child sees the folders named below alone. */
  readonly dataDirectory: string;
  readonly writable: readonly string[];
  readonly readable: readonly string[];
}

/**
 * The command line that runs a program in namespaces of its own, before the program's own:
 * https://github.com/containers/bubblewrap
 *
 * Its file system is empty but for what is named here. It has no network, sees no other process, and
 * ends with this one, by the kernel's hand.
 */
export function bubblewrapCommand(sight: Sight): readonly [string, ...string[]] {
  const bound = (how: string, paths: readonly string[]) =>
    paths.flatMap((path) => [how, path, path]);
  return [
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--cap-drop',
    'ALL',
    ...bound('--ro-bind-try', systemFolders),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    // It may lie in one of those above.
    ...['--tmpfs', sight.dataDirectory],
    ...bound('--ro-bind', sight.readable),
    ...bound('--bind', sight.writable),
    ...['--chdir', '/', '--'],
  ];
}

/** Programs and libraries of the system, and where the loader finds these; no configuration else. */
const systemFolders = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/nix/store',
  '/gnu/store',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/alternatives',
];

/** What must be read to run `program`, a module of this package: Node, the package, and chDB. */
export function filesOf(program: string): string[] {
  const engine = join(dirname(program), '..', '..');
  const chdb = createRequire(program).resolve('chdb');
  return [
    process.execPath,
    engine,
    above(engine, 'package.json'),
    // As it is looked up, and where links lead.
    above(engine, join('node_modules', 'chdb'), 'node_modules'),
    modulesAround(realpathSync(chdb)),
  ].filter((path, i, all): path is string => path !== null && all.indexOf(path) === i);
}

/** The nearest of this name in a folder around `path`, or `shown` of the same folder. */
function above(path: string, name: string, shown = name): string | null {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return join(folder, shown);
    if (folder === dirname(folder)) return null;
  }
}

/** The outermost folder of modules that `path` lies in. */
function modulesAround(path: string): string | null {
  let found: string | null = null;
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === 'node_modules') found = folder;
  }
  return found;
}
