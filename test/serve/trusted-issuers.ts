import { trustedIssuers } from '../../src/config/issuers.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { IdentityOptions } from '../../src/identity/identity.ts';
import type { TrustedIssuer } from '../../src/identity/trusted-issuer.ts';

/** An issuer as the settings make it that name it alone. */
export function trustedIssuer(url: string, role = 'tickloom_role'): TrustedIssuer {
  const flags = { oidcIssuer: url, oidcRoleClaim: role };
  const { settings } = loadSettings({ flags, environment: {}, configFile: null });
  const [trusted] = trustedIssuers(settings);
  if (trusted === undefined) throw new RangeError('no issuer');
  return trusted;
}

export const nobodyDenied: IdentityOptions['denials'] = {
  denies: () => false,
  onAdded: () => () => undefined,
};
