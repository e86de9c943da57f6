import type { EngineError } from '../../engine/model/errors.ts';

/**
 * A refusal for the log: what was said, and what lies behind it. Refusals are expected, so there is
 * no stack, which would say where the check stands.
 */
export function refusalOf(error: EngineError): { readonly code: string; readonly reason: string } {
  const reasons = [error.message];
  // A chain of causes that comes back to itself ends somewhere too.
  for (let cause = error.cause; cause instanceof Error && reasons.length < 8; cause = cause.cause) {
    if (cause.message !== '') reasons.push(cause.message);
  }
  return { code: error.code, reason: reasons.join(': ') };
}
