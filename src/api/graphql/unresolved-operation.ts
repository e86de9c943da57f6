import { GraphQLError } from 'graphql';
import type { ErrorCode } from '../../../engine/model/errors.ts';

/** The document is fine, but has not the operation that was asked for, or several to choose from. */
export function unresolvedOperation(operationName: string | undefined): GraphQLError {
  const message =
    operationName === undefined
      ? 'the document must have one operation, or "operationName" name one of several'
      : `operationName: the document has no operation "${operationName}"`;
  const code: ErrorCode = 'BAD_USER_INPUT';
  const details = { path: 'operationName' };
  return new GraphQLError(message, { extensions: { code, details, http: { status: 400 } } });
}
