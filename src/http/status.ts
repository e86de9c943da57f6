import { type ErrorCode, errorCategories } from '../../engine/model/errors.ts';

/** The HTTP status that goes with an error code where an answer is not GraphQL. */
export function statusOf(code: ErrorCode): number {
  switch (code) {
    // A step of a protocol: the client sends the document next. Apollo's server answers so, too.
    case 'PERSISTED_QUERY_NOT_FOUND':
      return 200;
    case 'UNAUTHENTICATED':
    case 'TOKEN_EXPIRED':
      return 401;
    case 'FORBIDDEN':
      return 403;
    case 'NOT_FOUND':
    case 'UNKNOWN_TITLE':
      return 404;
    case 'LIMIT_EXCEEDED':
      return 413;
    case 'RATE_LIMITED':
    case 'QUOTA_EXCEEDED':
      return 429;
    default:
      break;
  }
  switch (errorCategories[code]) {
    case 'conflict':
      return 409;
    case 'overload':
    case 'transient':
      return 503;
    case 'internal':
      return 500;
    default:
      return 400;
  }
}
