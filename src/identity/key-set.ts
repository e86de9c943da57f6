import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { fetchFromProvider, providerTimeoutMs } from './provider-fetch.ts';

/** How old a key set may be before it is fetched again, so that a withdrawn key stops working. */
const keySetAgeMaxMs = 10 * 60_000;
/** How often the end of a cool-down is looked for; `jose` tells whether it lasts, not until when. */
const pollMs = 50;

/**
 * The keys of an issuer, fetched for an unknown key at most once a cool-down: a flood of forged key
 * ids must not reach the issuer. But it may have begun to sign with a new key since the last look, so
 * a token of an unknown key is not refused before another look: it waits for the end of the
 * cool-down, and all that wait share that look. Rejects with `UNAVAILABLE` where too many wait.
 */
export function issuerKeys(url: URL): JWTVerifyGetKey {
  let looks = 0;
  let waiting = 0;
  let nextLook: Promise<void> | null = null;
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: providerTimeoutMs,
    cooldownDuration: servingLimits.keySetCooldownMs,
    cacheMaxAge: keySetAgeMaxMs,
    [customFetch]: (...request) => {
      looks++;
      return fetchFromProvider(...request);
    },
  });
  const lookAgain = async () => {
    const before = looks;
    while (looks === before && keys.coolingDown) await sleep(pollMs);
    nextLook = null;
    // Others may have looked, or be looking, by now.
    if (looks === before || keys.reloading) await keys.reload();
  };
  return async (header, token) => {
    const before = looks;
    try {
      return await keys(header, token);
    } catch (error) {
      // Where the set was fetched for this very token, it does not have its key.
      if (!(error instanceof errors.JWKSNoMatchingKey) || looks > before) throw error;
    }
    if (waiting >= servingLimits.keySetWaitersMax) throw tooManyWait();
    waiting++;
    try {
      nextLook ??= lookAgain();
      await nextLook;
      return await keys(header, token);
    } finally {
      waiting--;
    }
  };
}

function tooManyWait(): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    "the token's key is not known yet; try again when the issuer's keys were fetched anew",
    { retryAfterMs: servingLimits.keySetCooldownMs },
  );
}
