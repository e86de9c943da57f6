import { basename, resolve } from 'node:path';
import validatePackageName from 'validate-npm-package-name';
import { titleProblem } from '../../../engine/index.ts';
import { UsageError } from '../fail.ts';

export interface ProjectNames {
  /** The project's name in its `package.json`. */
  readonly name: string;
  /** The title that it serves. */
  readonly title: string;
}

/** Names for a project in a folder, unless they are given. Throws `UsageError` for what no one takes. */
export function projectNames(
  directory: string,
  given: { readonly name?: string | undefined; readonly title?: string | undefined },
): ProjectNames {
  const name = given.name ?? basename(resolve(directory));
  const { validForNewPackages, errors = [], warnings = [] } = validatePackageName(name);
  if (!validForNewPackages) {
    const reasons = [...errors, ...warnings].join('; ');
    throw new UsageError(`npm refuses the name "${name}": ${reasons}; give another by --name`);
  }
  const title = given.title ?? titleOf(name);
  const problem = titleProblem(title);
  if (problem !== null) {
    throw new UsageError(`the title "${title}": ${problem}; give another by --title`);
  }
  return { name, title };
}

/** `@studio/My.Game` → `my-game`. */
function titleOf(name: string): string {
  const bare = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  return bare.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '');
}
