import type { Principal } from '../../resolvers/context.ts';

/** `setTimeout` fires at once for more than 31 bits of milliseconds. */
const timerMsMax = 0x7fff_ffff;

/** Calls back when the token has expired. Returns how to call it off. */
export function onTokenExpiry(principal: Principal, callback: () => void): () => void {
  const remainingMs = principal.expiresAtMs - Date.now();
  const timer = setTimeout(callback, Math.min(Math.max(0, remainingMs), timerMsMax));
  return () => clearTimeout(timer);
}
