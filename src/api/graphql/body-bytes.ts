import type { Principal } from '../../../resolvers/context.ts';
import { mayCommit } from '../../limits/default-limits.ts';
import { servingLimits } from '../../serving-limits.ts';

/**
 * How large a request of this principal may be. Ticks may be large; questions are not, and each byte
 * of one is parsed on the thread that commits.
 */
export function bodyBytesMaxOf({ role }: Principal): number {
  const { graphqlBodyBytesMax, graphqlQuestionBytesMax } = servingLimits;
  return role !== null && mayCommit(role) ? graphqlBodyBytesMax : graphqlQuestionBytesMax;
}
