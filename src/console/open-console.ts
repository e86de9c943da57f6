import type { Lifetime } from '../../engine/index.ts';
import { consoleClient } from '../config/console-client.ts';
import type { Settings } from '../config/settings.ts';
import type { DenyList } from '../identity/deny-list.ts';
import type { FindableIssuer } from '../identity/token-verifier.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { ConsoleSignIn, type ConsoleSignInOptions } from './console-sign-in.ts';

export interface OpenConsoleOptions
  extends Pick<ConsoleSignInOptions, 'identity' | 'publicUrl' | 'logger'> {
  readonly settings: Settings;
  readonly issuers: readonly FindableIssuer[];
  readonly denials: DenyList;
  readonly metrics: Metrics;
}

/** Has people sign in to the console, where the settings name a client for that; else null. */
export function openConsole(options: OpenConsoleOptions, lifetime: Lifetime): ConsoleSignIn | null {
  const { settings, issuers, denials, metrics, identity, publicUrl, logger } = options;
  const client = consoleClient(
    settings,
    issuers.map(({ trusted }) => trusted.issuer),
  );
  const found = issuers.find(({ trusted }) => trusted.issuer === client?.issuer);
  if (client === null || found === undefined) return null;
  const { discovery } = found;
  const signIn = new ConsoleSignIn({ client, discovery, identity, publicUrl, logger });
  const { sessions } = signIn;
  metrics.registry.watchConsole(sessions);
  // A denied token would be renewed to another one otherwise.
  const forget = denials.onAdded(() => sessions.endAll(({ token }) => denials.denies(token)));
  lifetime.add(async () => {
    forget();
    sessions.close();
  });
  return signIn;
}
