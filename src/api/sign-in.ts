import type { Principal } from '../../resolvers/context.ts';
import { originOf, type RequestAudit, recordedSignIn } from '../audit/request-audit.ts';
import type { TitleAudit } from '../audit/title-audit.ts';
import type { Exchange } from '../http/exchange.ts';
import { credentialsOf, type TitleAccess } from '../identity/title-identity.ts';
import type { TitleLimits } from '../limits/title-limits.ts';

/** What of a title a request meets before anything of it is read. */
export interface SignInParts {
  readonly audit: Pick<TitleAudit, 'of'>;
  readonly identity: Pick<TitleAccess, 'authenticate'>;
  readonly use: TitleLimits;
}

/**
 * Who asks, as the request's token says, within the bounds on how much that may be; a refused token is
 * recorded. Rejects with `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `FORBIDDEN`, `UNAVAILABLE`, `RATE_LIMITED`.
 */
export async function signIn(
  { audit: titleAudit, identity, use }: SignInParts,
  exchange: Exchange,
): Promise<{ readonly principal: Principal; readonly audit: RequestAudit }> {
  const { request, requestId } = exchange;
  const audit = titleAudit.of(originOf(request));
  const principal = await recordedSignIn(audit, requestId, () =>
    identity.authenticate(credentialsOf(request.headers)),
  );
  audit.cameFrom(principal);
  exchange.signedIn();
  await use.admit(principal, requestId);
  return { principal, audit };
}
