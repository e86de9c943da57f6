import { EngineError } from '../../engine/model/errors.ts';

/** The token of an `authorization` value (`Bearer <token>`). Throws `UNAUTHENTICATED`. */
export function bearerToken(authorization: unknown): string {
  const match =
    typeof authorization === 'string' ? /^Bearer +([^\s]+)$/i.exec(authorization) : null;
  if (match?.[1] === undefined) {
    throw new EngineError(
      'UNAUTHENTICATED',
      'the request needs a header "authorization: Bearer <token>"',
    );
  }
  return match[1];
}
