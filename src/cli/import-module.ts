import { join } from 'node:path';
import { packageDirectory } from '../package-directory.ts';

/**
 * Imports a module of a user's, in TypeScript or JavaScript, on every Node that is supported. A
 * syntax error names its file, line and column. `tickloom` is this package there, also in a folder
 * without `node_modules`.
 */
export async function importModule(path: string): Promise<{ readonly default?: unknown }> {
  const { createJiti } = await import('jiti');
  const engine = join(packageDirectory(), 'dist', 'engine');
  const jiti = createJiti(import.meta.url, {
    // Compiled code in a folder that other users of the machine may write is not to be trusted.
    fsCache: false,
    interopDefault: false,
    alias: {
      'tickloom/engine': join(engine, 'index.js'),
      tickloom: join(engine, 'manifest', 'index.js'),
    },
  });
  try {
    return await jiti.import<{ readonly default?: unknown }>(path);
  } catch (error) {
    throw asSyntaxError(error) ?? error;
  }
}

/** `ParseError: <message> <file>:<line>:<column>`, whose columns count from 0, as editors count. */
function asSyntaxError(error: unknown): SyntaxError | null {
  if (!(error instanceof Error)) return null;
  const parsed = /^ParseError: ([\s\S]*?)\s+(\S+):(\d+):(\d+)$/.exec(error.message);
  if (!parsed) return null;
  const [, message, file, line, column] = parsed;
  return new SyntaxError(`${file}:${line}:${Number(column) + 1} ${message}`);
}
