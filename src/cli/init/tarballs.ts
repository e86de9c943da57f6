import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageDirectory } from '../../package-directory.ts';
import { UsageError } from '../fail.ts';
import { npm } from './npm.ts';

/** The packed packages that a project installs while no registry has them. */
export interface Tarballs {
  readonly tickloom: string;
  readonly sdk: string;
  /** Removes what was packed for this use alone. */
  discard(): void;
}

const patterns = {
  tickloom: /^tickloom-\d[\w.+-]*\.tgz$/,
  sdk: /^tickloom-sdk-\d[\w.+-]*\.tgz$/,
};

/** The tarballs in a folder, as `npm run pack` writes them. Throws `UsageError`. */
export function tarballsIn(directory: string): Tarballs {
  return { ...found(directory), discard: () => {} };
}

function found(directory: string): Omit<Tarballs, 'discard'> {
  if (!existsSync(directory))
    throw new UsageError(`--packages ${directory}: there is no such folder`);
  const names = readdirSync(directory);
  const only = (which: keyof typeof patterns): string => {
    const found = names.filter((name) => patterns[which].test(name));
    const [name] = found;
    if (name !== undefined && found.length === 1) return join(directory, name);
    const what = found.length === 0 ? 'none' : found.join(', ');
    throw new UsageError(
      `--packages ${directory}: it must hold one ${which === 'sdk' ? 'tickloom-sdk' : 'tickloom'}-<version>.tgz, and holds ${what}`,
    );
  };
  return { tickloom: only('tickloom'), sdk: only('sdk') };
}

/** Packs this very package, and the SDK beside it, into a folder for temporary files. */
export async function packOwnTarballs(): Promise<Tarballs> {
  const sdk = dirname(createRequire(import.meta.url).resolve('@tickloom/sdk/package.json'));
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-init-'));
  const discard = () => rmSync(directory, { recursive: true, force: true });
  try {
    for (const source of [packageDirectory(), sdk]) {
      // What is installed is built; its scripts are those of the repository it was built in.
      await npm(['pack', '--ignore-scripts', '--pack-destination', directory], source);
    }
    return { ...found(directory), discard };
  } catch (error) {
    discard();
    throw error;
  }
}
