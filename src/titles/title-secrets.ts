import { join } from 'node:path';
import { RotatingSecret } from '../storage/rotating-secret.ts';
import type { RotatableSecret } from '../storage/secret-control.ts';

/** The secrets that a title keeps for itself, by the names by which operators rotate them. */
export interface TitleSecrets {
  /** Signs links to exports. */
  readonly 'export-links': RotatableSecret;
  /** Keys the pseudonyms of masked columns, which have to be the same for all: the one before ends at once. */
  readonly 'mask-key': RotatableSecret;
}

/** `directory`: the title's. Links live for `exportTtlMs`, so the key before works for that long. */
export function openTitleSecrets(directory: string, exportTtlMs: number): TitleSecrets {
  return {
    'export-links': {
      secret: RotatingSecret.open(join(directory, 'exports', 'link-secret')),
      overlapMs: exportTtlMs,
    },
    'mask-key': { secret: RotatingSecret.open(join(directory, 'mask-key')), overlapMs: null },
  };
}
