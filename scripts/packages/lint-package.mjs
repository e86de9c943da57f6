import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** Ways to resolve that no package of modules alone can serve. */
const commonJs = new Set(['node10', 'node16-cjs']);

/**
 * What `publint` and `attw` (as `--profile esm-only`) have against a packed tarball.
 *
 * @param {string} tarball
 * @returns {Promise<readonly string[]>}
 */
export async function packageProblems(tarball) {
  const data = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: data.buffer }, strict: true });
  const types = await checkPackage(createPackageFromTarballData(data));
  if (!types.types) return [...messages.map((m) => formatMessage(m, pkg)), 'attw: has no types'];
  const wrong = types.problems.filter((problem) => !commonJs.has(problem.resolutionKind ?? ''));
  return [
    ...messages.map((message) => `publint: ${formatMessage(message, pkg)}`),
    ...wrong.map((problem) => `attw: ${JSON.stringify(problem)}`),
  ];
}
