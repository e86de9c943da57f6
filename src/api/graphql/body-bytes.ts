import type { Principal } from '../../../resolvers/context.ts';
import type { BodyLimit } from '../../http/read-body.ts';
import { mayCommit } from '../../limits/default-limits.ts';

/**
 * The bound of one request of this principal. Ticks may be large; questions are not, and each byte
 * of one is parsed on the thread that commits.
 */
export function bodyLimitOf({ role }: Principal): BodyLimit {
  return role !== null && mayCommit(role) ? 'graphqlBodyBytesMax' : 'graphqlQuestionBytesMax';
}
