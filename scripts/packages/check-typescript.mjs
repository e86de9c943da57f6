import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./project.mjs').Project} Project */

/** The releases of the last two years, from the oldest to the newest. */
export const typeScriptVersions = ['5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];

/** What npm installs them as, side by side. */
export const typeScriptPackages = typeScriptVersions.map(
  (version) => `typescript-${version}@npm:typescript@${version}`,
);

const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/**
 * Compiles what the READMEs show as studios compile it: `strict` and nothing more, under each release
 * of TypeScript and both ways to resolve modules.
 *
 * @param {Project} project with `title.ts`, `readme.ts`, `sdk-readme.ts` and the generated `tickloom.ts`
 */
export async function checkTypeScript(project) {
  const ends = [typeScriptVersions[0], typeScriptVersions.at(-1)];
  for (const version of typeScriptVersions) {
    const runs = Object.entries(resolutions).map(async ([name, resolution]) => {
      // Reading every declaration takes long: the oldest and the newest release do it.
      const compilerOptions = { ...common, ...resolution, skipLibCheck: !ends.includes(version) };
      const config = `tsconfig-${version}-${name}.json`;
      writeFileSync(
        join(project.directory, config),
        JSON.stringify({ compilerOptions, files: ['title.ts', 'readme.ts', 'sdk-readme.ts'] }),
      );
      const compile = `node node_modules/typescript-${version}/bin/tsc -p ${config}`;
      await project.run(compile).catch((error) => {
        // Declarations of other packages may be wrong for a release; ours may not.
        const lines = String(error.output ?? error).split('\n');
        const found = lines.filter((line) => /error TS/.test(line) && !isForeign(line));
        if (error.output === undefined || found.length > 0 || !lines.some(isForeign)) {
          throw new Error(`TypeScript ${version}, ${name}:\n${lines.join('\n')}`);
        }
      });
    });
    await Promise.all(runs);
  }
}

const common = {
  strict: true,
  target: 'es2022',
  types: ['node'],
  noEmit: true,
  allowImportingTsExtensions: true,
};

/** @param {string} line */
function isForeign(line) {
  return /^node_modules\/(?!tickloom\/|@tickloom\/)/.test(line);
}
