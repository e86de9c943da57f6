import type { QueryClass } from '../../../engine/model/types.ts';
import type { Principal } from '../../../resolvers/context.ts';
import type { RequestAudit } from '../../audit/request-audit.ts';
import { queryClassOf } from '../../identity/principal.ts';

/** The class of a request that asks for `asked`; that one may not have it is recorded. */
export function askedClassOf(
  principal: Principal,
  asked: string | undefined,
  audit: RequestAudit,
  requestId: string,
): QueryClass {
  try {
    return queryClassOf(principal, asked);
  } catch (error) {
    audit.classRefused(error, principal, requestId);
    throw error;
  }
}
