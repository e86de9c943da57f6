import type { LinkSecrets } from '../../src/exports/export-link.ts';

/** The only secret that signs links. */
export function linkSecrets(secret: string): LinkSecrets {
  const current = Buffer.from(secret);
  return { current, valid: () => [current] };
}
