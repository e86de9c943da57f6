import type { EngineError } from '../../../engine/model/errors.ts';

/** Codes of the protocol (4400, 4401, 4403, 4409) and of RFC 6455 (1007: not UTF-8; 1013: try again later). */
export const closeCodes = {
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  idInUse: 4409,
  internal: 4500,
  notUtf8: 1007,
  tooLarge: 1009,
  tryAgainLater: 1013,
};

export function closeCodeOf(error: EngineError): number {
  if (error.retryable) return closeCodes.tryAgainLater;
  if (error.code === 'SCHEMA_MISMATCH') return closeCodes.badRequest;
  const isToken = error.code === 'UNAUTHENTICATED' || error.code === 'TOKEN_EXPIRED';
  return isToken ? closeCodes.unauthorized : closeCodes.forbidden;
}
