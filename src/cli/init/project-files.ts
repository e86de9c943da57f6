import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { packageDirectory } from '../../package-directory.ts';
import type { ProjectNames } from './project-name.ts';

/** The files of a new project by path, all but the generated ones. */
export function projectFiles(
  names: ProjectNames,
  tarballNames: { readonly tickloom: string; readonly sdk: string },
): ReadonlyMap<string, string> {
  const template = join(packageDirectory(), 'examples', 'starter');
  const files = new Map<string, string>();
  for (const entry of readdirSync(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(template, path).split(sep).join('/');
    // npm takes a `.gitignore` for its own and leaves it out of what it packs.
    files.set(name === 'gitignore' ? '.gitignore' : name, named(readFileSync(path, 'utf8'), names));
  }
  files.set('package.json', `${JSON.stringify(packageJson(names, tarballNames), null, 2)}\n`);
  return files;
}

/** The name of a title's client, as the generator makes it: `my-game` → `MyGame`. */
export function clientPrefix(title: string): string {
  return title
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** The template is a title of its own, `skirmish`, so that it reads and compiles as it stands. */
function named(text: string, { title }: ProjectNames): string {
  return text.replaceAll('skirmish', title).replaceAll('Skirmish', clientPrefix(title));
}

function packageJson(
  { name }: ProjectNames,
  tarballNames: { readonly tickloom: string; readonly sdk: string },
): object {
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      start: 'tickloom start --manifest title.ts',
      generate: 'tickloom generate sdk --manifest title.ts --out tickloom.ts',
      game: 'tsx game-server.ts',
      watch: 'tsx watch.ts',
      analytics: 'tsx analytics.ts',
      check: 'tsc',
      test: 'node --import tsx --test test/*.test.ts',
    },
    dependencies: {
      '@tickloom/sdk': `file:packages/${tarballNames.sdk}`,
      // Node 20 has no WebSocket of its own.
      ws: '^8.18.0',
    },
    devDependencies: {
      '@types/node': '^20.19.0',
      tickloom: `file:packages/${tarballNames.tickloom}`,
      tsx: '^4.20.0',
      typescript: '^6.0.0',
    },
    // The install scripts of chdb and esbuild do nothing that is needed; npm asks about them otherwise.
    allowScripts: { chdb: false, esbuild: false },
  };
}
