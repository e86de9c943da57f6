import type { Principal } from '../../resolvers/context.ts';

/** `setTimeout` fires at once for more than 31 bits of milliseconds, 24.8 days. */
const timerMsMax = 0x7fff_ffff;

/** Calls back when the token has expired. Returns how to call it off. */
export function onTokenExpiry(
  { expiresAtMs }: Pick<Principal, 'expiresAtMs'>,
  callback: () => void,
): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const remainingMs = Math.max(0, expiresAtMs - Date.now());
    timer =
      remainingMs > timerMsMax ? setTimeout(wait, timerMsMax) : setTimeout(callback, remainingMs);
  };
  wait();
  return () => clearTimeout(timer);
}
